#!/usr/bin/env python3
"""Writes docs/flags.md from the programs themselves and from the table of the original's flags.

usage: scripts/flags_document.py [--check] [--bin-dir FOLDER]

--check     write nothing; exit status 1 when the file is not what would be written
--bin-dir   folder of signalbox and signalbox-proxy (default .build/release)
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT / "python" / "src"))

from signalbox.flags import FLAGS  # noqa: E402

DOCUMENT = PROJECT / "docs" / "flags.md"
GENERAL = "General"


def arguments(program: list[str]) -> list[dict]:
    """What a program says of its arguments, hidden ones left out."""
    shown = subprocess.run([*program, "--experimental-dump-help"], capture_output=True, text=True, check=True).stdout
    found = json.loads(shown)["command"]["arguments"]
    return [each for each in found if each["shouldDisplay"] and each["preferredName"]["name"] not in ("help", "version")]


def cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def row(argument: dict) -> str:
    names = ", ".join(f"`--{name['name']}`" for name in argument["names"] if name["kind"] == "long")
    if argument["kind"] == "option":
        value = argument["valueName"] if argument["valueName"] != argument["preferredName"]["name"] else ""
        names += f" {cell(value)}" if value else ""
        names += " ..." if argument["isRepeating"] else ""
    default = f"`{cell(argument['defaultValue'])}`" if argument.get("defaultValue") else ""
    return f"| {names} | {default} | {cell(argument['abstract'])} |"


def tables(found: list[dict]) -> list[str]:
    sections: dict[str, list[str]] = {}
    for argument in found:
        sections.setdefault(argument.get("sectionTitle") or GENERAL, []).append(row(argument))
    lines: list[str] = []
    for title, rows in sections.items():
        lines += [f"### {title}", "", "| flag | default | meaning |", "|---|---|---|", *rows, ""]
    return lines


def original() -> list[str]:
    lines = ["| flag of the original | here |", "|---|---|"]
    for flag in FLAGS:
        names = ", ".join(f"`--{name}`" for name in (flag.name, *flag.other_names))
        native = f"`--{flag.native}` of `signalbox launch`" if flag.native else f"not there yet: {cell(flag.feature or '')}"
        lines.append(f"| {names} | {native} |")
    return lines


def document(folder: Path) -> str:
    lines = [
        "# Flags",
        "",
        "Written by `scripts/flags_document.py`; a test holds it against the programs. A default that is missing stands in the",
        "meaning, or there is none. Settings, whose defaults are *as stored*, can be changed at run time, too: [limits](limits.md).",
        "",
        "## signalbox launch",
        "",
        *tables(arguments([str(folder / "signalbox"), "launch"])),
        "## signalbox-proxy",
        "",
        "One data plane by itself; `signalbox launch` starts its own. `signalbox control-plane` has the flags of `launch` that",
        "are not about data planes.",
        "",
        *tables(arguments([str(folder / "signalbox-proxy")])),
        "## What becomes of the original's flags",
        "",
        "`python -m sglang_router.launch_router` knows all of them. One whose feature is not there yet ends the start with a sentence",
        "that names the feature.",
        "",
        *original(),
    ]
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description="Writes docs/flags.md from the programs and the original's flags.")
    parser.add_argument("--check", action="store_true", help="write nothing; status 1 when the file is not up to date")
    parser.add_argument("--bin-dir", type=Path, default=PROJECT / ".build" / "release", help="folder of the programs")
    options = parser.parse_args()
    try:
        text = document(options.bin_dir)
    except FileNotFoundError as error:
        print(f"{error.filename} is missing; run swift build -c release, or name another --bin-dir.", file=sys.stderr)
        return 2
    if not options.check:
        DOCUMENT.write_text(text)
        return 0
    if DOCUMENT.exists() and DOCUMENT.read_text() == text:
        return 0
    print("docs/flags.md is not what the programs say; run scripts/flags_document.py.", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
