"""Checks that the programs and libraries of a wheel find one another wherever it is installed.

usage: wheel_contents.py WHEEL
"""

import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

# What every Linux with the C library of the wheel's tag has.
SYSTEM = re.compile(r"(ld-linux-.*|lib(c|m|dl|rt|pthread|gcc_s|stdc\+\+))\.so\.\d+")
PROGRAMS = {"signalbox", "signalbox-proxy", "simulated-worker"}


def dynamic_section(path: Path) -> tuple[list[str], list[str]]:
    """The libraries that a file needs, and the folders where they are looked for."""
    shown = subprocess.run(["readelf", "--dynamic", str(path)], check=True, capture_output=True, text=True).stdout
    needed = re.findall(r"\(NEEDED\).*\[(.*)\]", shown)
    folders = [folder for found in re.findall(r"\(R(?:UN)?PATH\).*\[(.*)\]", shown) for folder in found.split(":")]
    return needed, folders


def problems_of(root: Path) -> list[str]:
    problems = []
    bundled = {path.name: path for path in root.glob("*.libs/*")}
    programs = {path.name: path for path in (root / "signalbox" / "bin").iterdir()}
    if set(programs) != PROGRAMS:
        problems.append(f"signalbox/bin has {sorted(programs)} instead of {sorted(PROGRAMS)}")
    for path in [*programs.values(), *bundled.values()]:
        needed, folders = dynamic_section(path)
        problems += [f"{path.name} looks into {folder}, a folder of the machine that built it"
                     for folder in folders if not folder.startswith("$ORIGIN")]
        searched = {(path.parent / folder.replace("$ORIGIN/", "").replace("$ORIGIN", ".")).resolve() for folder in folders}
        for library in needed:
            if SYSTEM.fullmatch(library):
                continue
            if library not in bundled or bundled[library].parent.resolve() not in searched:
                problems.append(f"{path.name} needs {library}, and does not find it in the wheel")
    return problems


def main() -> int:
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(sys.argv[1]) as wheel:
        wheel.extractall(folder)
        problems = problems_of(Path(folder))
    for problem in problems:
        print(f"error: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
