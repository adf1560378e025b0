"""Small rules that reviewers should not have to spend their time on."""

import re
import sys
import tempfile
from pathlib import Path

from files import ROOT, project_files, report, text_of

SOURCE_LINES_MAX = 400
TEXT_SUFFIXES = {".swift", ".py", ".sh", ".md", ".yaml", ".yml", ".json", ".txt", ".h", ".c", ".toml", ".ini", ""}
UNFINISHED = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|X" + r"XX)\b")
PRINT = re.compile(r"(?<![\w.])(debugP|p)rint\(")
# Homes of people, and the place where this very checkout lies.
HOMES = re.compile(r"/(?:home|Users)/[a-z][\w.-]*/|/ro(?:ot)/")


def machine_paths() -> list[str]:
    parent = ROOT.parent
    return [str(ROOT)] + ([f"{parent}/"] if len(parent.parts) > 1 and parent != Path(tempfile.gettempdir()) else [])


def main() -> int:
    problems = []
    here = machine_paths()
    for path in project_files():
        name = path.relative_to(ROOT).as_posix()
        if path.suffix not in TEXT_SUFFIXES:
            continue
        text = text_of(path)
        lines = text.split("\n")
        if text and not text.endswith("\n"):
            problems.append(f"{name}: does not end with a line feed")
        is_source = name.startswith("Sources/") and path.suffix == ".swift"
        if is_source and len(lines) - 1 > SOURCE_LINES_MAX:
            problems.append(f"{name}: {len(lines) - 1} lines, at most {SOURCE_LINES_MAX}; can it be two nouns?")
        if is_source and re.search(r"/Placeholder\.swift$", name):
            problems.append(f"{name}: a folder exists when it has content")
        for number, line in enumerate(lines, 1):
            if UNFINISHED.search(line):
                problems.append(f"{name}:{number}: an unfinished mark; finish it or open an issue")
            if is_source and "/Executable/" not in name and PRINT.search(line) and "//" not in line.split("rint(")[0]:
                problems.append(f"{name}:{number}: a library logs, it does not print")
            if HOMES.search(line) or any(place in line for place in here):
                problems.append(f"{name}:{number}: names a path of one machine")
    return report(problems)


if __name__ == "__main__":
    sys.exit(main())
