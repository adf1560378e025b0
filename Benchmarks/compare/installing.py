"""The two small C programs, and what Debian and PyPI have of the contestants."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from contestants import Contestant, environment

PROGRAMS = {"mock-worker": "mock_worker.c", "load-generator": "load_generator.c"}
COMPILER_FLAGS = ["-std=gnu17", "-O2", "-Wall", "-Wextra", "-Werror", "-pthread"]


class CannotPrepare(Exception):
    """Something that the comparison needs is missing."""


def compile_programs(source_folder: Path, build_folder: Path) -> None:
    """Compiles what is older than its sources."""
    compiler = shutil.which("cc")
    if compiler is None:
        raise CannotPrepare("no C compiler was found; install one with `apt-get install gcc libc6-dev`")
    for tool, package in (("taskset", "util-linux"), ("setpriv", "util-linux")):
        if shutil.which(tool) is None:
            raise CannotPrepare(f"{tool} was not found; install it with `apt-get install {package}`")
    build_folder.mkdir(parents=True, exist_ok=True)
    newest = max(path.stat().st_mtime for path in source_folder.iterdir())
    for program, source in PROGRAMS.items():
        target = build_folder / program
        if target.exists() and target.stat().st_mtime >= newest:
            continue
        result = subprocess.run([compiler, *COMPILER_FLAGS, "-o", str(target), str(source_folder / source)],
                                capture_output=True, text=True)
        if result.returncode != 0:
            raise CannotPrepare(f"{source} does not compile:\n{result.stderr}")


def install(contestants: list[Contestant], build_folder: Path) -> None:
    """Installs the Debian packages and Python packages of the contestants that are missing."""
    packages = sorted({package for each in contestants for package in each.packages})
    if packages:
        privileged = [] if os.geteuid() == 0 else ["sudo"]
        # Freshly installed services would listen and use CPU time: they are not started.
        with_policy = ["env", "DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1"]
        _run([*privileged, "apt-get", "update"])
        _run([*privileged, *with_policy, "apt-get", "install", "--yes", "--no-install-recommends", *packages])
    for requirement in sorted({each.requirement for each in contestants if each.requirement}):
        folder = environment(requirement, build_folder)
        _run([sys.executable, "-m", "venv", str(folder)])
        _run([str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", requirement])


def _run(command: list[str]) -> None:
    print("+", *command, file=sys.stderr)
    if subprocess.run(command).returncode != 0:
        raise CannotPrepare(f"`{' '.join(command)}` failed")
