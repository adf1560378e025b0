"""What the sdist and the wheel carry, and what is said when they cannot be built."""

import os
import platform
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from support.fleet import PROJECT, binary

SOURCES = PROJECT / "python" / "src"
PROGRAMS = ("signalbox", "signalbox-proxy", "simulated-worker")
# Any native program does where only its place is looked at.
ANY_PROGRAM = Path(shutil.which("true") or "/bin/true")


def build(package: Path, target: str, output: Path, **environment: str) -> Path:
    """Runs the build backend as `python -m build` would, without downloading it first."""
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(output)], cwd=package,
                   check=True, capture_output=True, env={**os.environ, **environment})
    [built] = output.iterdir()
    return built


@pytest.fixture(scope="module")
def unpacked_sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    archive = build(PROJECT / "python", "sdist", tmp_path_factory.mktemp("sdist"))
    folder = tmp_path_factory.mktemp("unpacked")
    subprocess.run(["tar", "--extract", "--gzip", "--file", archive, "--directory", folder], check=True)
    [package] = folder.iterdir()
    return package


@pytest.fixture
def small_programs(tmp_path: Path) -> Path:
    folder = tmp_path / "programs"
    folder.mkdir()
    for name in PROGRAMS:
        shutil.copy(ANY_PROGRAM, folder / name)
    return folder


def software_version() -> str:
    text = (PROJECT / "Sources/Protocol/SoftwareVersion.swift").read_text()
    [version] = re.findall(r'softwareVersion = "([^"]+)"', text)
    return version


def test_everything_has_one_version(unpacked_sdist: Path) -> None:
    version = software_version()
    for name in ("signalbox", "signalbox-proxy"):
        shown = subprocess.run([binary(name), "--version"], check=True, capture_output=True, text=True).stdout
        assert shown.split()[-1] == version
    in_python = subprocess.run([sys.executable, "-m", "hatchling", "version"], cwd=PROJECT / "python", check=True,
                               capture_output=True, text=True).stdout
    assert in_python.strip() == version
    assert unpacked_sdist.name == f"signalbox_router-{version}"


def test_the_sdist_has_every_swift_target(unpacked_sdist: Path) -> None:
    native = unpacked_sdist / "native"
    paths = re.findall(r'path: "([^"]+)"', (native / "Package.swift").read_text())
    assert "Sources/ControlPlane/Executable" in paths
    for path in paths:
        assert any((native / path).iterdir()), f"there is nothing in {path}"
    carried = {file.relative_to(native) for file in native.rglob("*") if file.is_file()}
    swift = {file.relative_to(PROJECT) for file in (PROJECT / "Sources").rglob("*.swift")}
    assert swift <= carried


def test_a_wheel_built_from_the_sdist_carries_the_programs(unpacked_sdist: Path, small_programs: Path, tmp_path: Path) -> None:
    wheel = build(unpacked_sdist, "wheel", tmp_path / "wheel", SIGNALBOX_BIN_DIR=str(small_programs))
    assert wheel.name == f"signalbox_router-{software_version()}-py3-none-linux_{platform.machine()}.whl"
    with zipfile.ZipFile(wheel) as content:
        modes = {info.filename: info.external_attr >> 16 for info in content.infolist()}
        [scripts] = [content.read(name).decode() for name in modes if name.endswith("entry_points.txt")]
    for name in PROGRAMS:
        assert modes[f"signalbox/bin/{name}"] & 0o111 == 0o111
        assert f"\n{name} = signalbox.console:" in scripts
    assert "sglang-router = sglang_router.cli:main" in scripts
    assert "signalbox/py.typed" in modes and "sglang_router/py.typed" in modes


@pytest.mark.parametrize(("change", "words"), [
    ("no toolchain", "no Swift toolchain"),
    ("no sources", "no Swift sources"),
    ("no programs", "no signalbox, signalbox-proxy, simulated-worker"),
])
def test_a_build_that_lacks_something_says_what(unpacked_sdist: Path, tmp_path: Path, change: str, words: str) -> None:
    package = tmp_path / "package"
    shutil.copytree(unpacked_sdist, package)
    environment = {"PATH": str(tmp_path)}
    if change == "no sources":
        shutil.rmtree(package / "native")
    if change == "no programs":
        environment["SIGNALBOX_BIN_DIR"] = str(tmp_path)
    ended = subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel"], cwd=package, check=False,
                           capture_output=True, text=True, env=environment)
    assert ended.returncode != 0
    assert re.fullmatch(rf"signalbox-router: .*{words}.*\n", ended.stderr), ended.stderr


def test_a_wheel_whose_libraries_are_not_bundled_is_refused(tmp_path: Path) -> None:
    wheel = tmp_path / "signalbox_router.whl"
    with zipfile.ZipFile(wheel, "w") as content:
        content.write(binary("signalbox"), "signalbox/bin/signalbox")
    checked = subprocess.run([sys.executable, PROJECT / "scripts/lib/wheel_contents.py", wheel], check=False,
                             capture_output=True, text=True)
    assert checked.returncode == 1
    assert "signalbox needs libcurl.so.4, and does not find it in the wheel" in checked.stderr
    assert "instead of ['signalbox', 'signalbox-proxy', 'simulated-worker']" in checked.stderr


def find(name: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    code = f"import signalbox.programs; print(signalbox.programs.find_program({name!r}))"
    return subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True,
                          env={"PYTHONPATH": environment.pop("PYTHONPATH", str(SOURCES)), **environment})


def test_programs_are_found_in_the_package_and_never_in_its_own_scripts(small_programs: Path, tmp_path: Path) -> None:
    site, scripts = tmp_path / "lib" / "python3" / "site-packages", tmp_path / "scripts"
    shutil.copytree(SOURCES, site)
    scripts.mkdir()
    (scripts / "signalbox").write_text("#!/usr/bin/python3\n")
    (scripts / "signalbox").chmod(0o755)
    path = {"PYTHONPATH": str(site), "PATH": f"{scripts}:{small_programs}"}
    assert find("signalbox", **path).stdout.strip() == str(small_programs / "signalbox")
    nowhere = find("signalbox", **{**path, "PATH": str(scripts)})
    assert "FileNotFoundError: The program 'signalbox' is not installed" in nowhere.stderr
    carried = shutil.copytree(small_programs, site / "signalbox" / "bin")
    assert find("signalbox", **path).stdout.strip() == str(carried / "signalbox")
    assert find("signalbox", **path, SIGNALBOX_BIN_DIR=str(small_programs)).stdout.strip() == str(small_programs / "signalbox")


def test_console_scripts_become_the_native_programs() -> None:
    code = "import sys; sys.argv = ['signalbox', '--version']; from signalbox.console import signalbox; signalbox()"
    shown = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True,
                           env={"PYTHONPATH": str(SOURCES), "SIGNALBOX_BIN_DIR": str(Path(binary("signalbox")).parent)})
    assert shown.stdout.strip() == f"signalbox {software_version()}"


@pytest.mark.parametrize(("words", "status", "shown"), [
    ([], 1, "usage: sglang-router launch"),
    (["lunch"], 1, "usage: sglang-router launch"),
    (["--help"], 0, "usage: sglang-router launch"),
    (["-V"], 0, "sglang-router "),
    (["launch", "--help"], 0, "usage: python -m sglang_router.launch_router"),
    (["server", "--help"], 0, "usage: python -m sglang_router.launch_server"),
    (["launch", "--dp-aware"], 64, "routing to the ranks within a worker"),
    (["--dp-aware"], 64, "routing to the ranks within a worker"),
    (["server", "--router-dp-aware"], 64, "routing to the ranks within a worker"),
])
def test_the_script_of_later_versions_has_a_word_for_each_program(words: list[str], status: int, shown: str) -> None:
    ran = subprocess.run([sys.executable, "-c", "from sglang_router.cli import main; main()", *words], check=False, text=True,
                         capture_output=True, env={"PYTHONPATH": str(SOURCES), "SIGNALBOX_BIN_DIR": str(Path(binary("signalbox")).parent)})
    assert ran.returncode == status and shown in ran.stdout + ran.stderr
    assert bool(ran.stdout) is (status == 0)
