"""Puts the native programs into the wheel, and the Swift sources that they are made of into the sdist."""

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Iterator, Optional

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PROGRAMS = ("signalbox", "signalbox-proxy", "simulated-worker")
HERE = Path(__file__).resolve().parent
# Where an sdist has what a checkout has above this folder.
CARRIED = "native"
# What `swift build` looks at: the manifest names test targets, too, and wants their folders.
SWIFT_FOLDERS = ("Sources", "Tests", "Benchmarks/RouteSimulator")
SWIFT_SUFFIXES = {".swift", ".c", ".h", ".modulemap"}


def swift_package() -> Path:
    """The folder of Package.swift: in an sdist below this one, in a checkout above."""
    carried = HERE / CARRIED
    return carried if (carried / "Package.swift").is_file() else HERE.parent


def swift_sources(package: Path) -> Iterator[Path]:
    yield package / "Package.swift"
    for folder in SWIFT_FOLDERS:
        for path in sorted((package / folder).rglob("*")):
            if path.suffix in SWIFT_SUFFIXES and path.is_file():
                yield path


def programs() -> Path:
    """The folder of the programs: SIGNALBOX_BIN_DIR, or that of a release build which is made here."""
    given = os.environ.get("SIGNALBOX_BIN_DIR")
    if given:
        missing = [name for name in PROGRAMS if not (Path(given) / name).is_file()]
        if missing:
            sys.exit(f"signalbox-router: SIGNALBOX_BIN_DIR is {given}, and there is no {', '.join(missing)} in it.")
        return Path(given)
    package = swift_package()
    if not (package / "Package.swift").is_file():
        sys.exit(
            f"signalbox-router: there are no Swift sources in {package}; build from a checkout or an sdist, or name a folder "
            "with the programs in SIGNALBOX_BIN_DIR."
        )
    if shutil.which("swift") is None:
        sys.exit(
            "signalbox-router: there is no Swift toolchain here to build the programs with; install a wheel of this package, "
            "or Swift 6.2 or later (https://www.swift.org/install/linux/) with the headers of libcurl and SQLite."
        )
    build = ["swift", "build", "--package-path", str(package), "-c", "release"]
    for name in PROGRAMS:
        # Standard output belongs to who builds: there, the frontend expects nothing.
        if subprocess.run([*build, "--product", name], stdout=sys.stderr, check=False).returncode != 0:
            sys.exit(
                f"signalbox-router: '{name}' could not be built, see above; Swift 6.2 or later and the headers of libcurl and "
                "SQLite are needed (Debian: libcurl4-openssl-dev, libsqlite3-dev, pkg-config)."
            )
    shown = subprocess.run([*build, "--show-bin-path"], check=True, capture_output=True, text=True)
    return Path(shown.stdout.strip())


def licences(folder: Path) -> Iterator[tuple[str, Path]]:
    """Those of the Swift packages in the programs of a folder, and of the libraries that auditwheel puts beside them."""
    for package in sorted((folder.resolve().parent.parent / "checkouts").glob("*")):
        for path in sorted([*package.glob("LICENSE*"), *package.glob("NOTICE*")]):
            yield f"{package.name}-{path.stem}.txt", path
    given = os.environ.get("SIGNALBOX_NOTICES_DIR")
    if given:
        for path in sorted(Path(given).iterdir()):
            yield path.name, path


class NativePrograms(BuildHookInterface[Any]):
    """`python -m build` calls it for each of the two archives."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        self.stripped: Optional[Path] = None
        if self.target_name == "sdist":
            self.carry_sources(build_data)
        elif version != "editable":  # an editable install uses the programs of the checkout
            self.carry_programs(build_data)

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        if self.stripped:
            shutil.rmtree(self.stripped, ignore_errors=True)

    def carry_sources(self, build_data: dict[str, Any]) -> None:
        package = swift_package()
        if package == HERE.parent:
            for path in swift_sources(package):
                build_data["force_include"][str(path)] = f"{CARRIED}/{path.relative_to(package)}"

    def carry_programs(self, build_data: dict[str, Any]) -> None:
        folder = programs()
        self.stripped = stripped = Path(tempfile.mkdtemp(prefix="signalbox-wheel-"))
        strip = shutil.which("strip")
        for name in PROGRAMS:
            target = stripped / name
            shutil.copy2(folder / name, target)
            if strip:
                subprocess.run([strip, str(target)], check=True)
            build_data["force_include"][str(target)] = f"signalbox/bin/{name}"
        for name, path in licences(folder):
            build_data["force_include"][str(path)] = f"signalbox/third_party_licenses/{name}"
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-linux_{platform.machine()}"
