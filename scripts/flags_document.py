#!/usr/bin/env python3
"""Writes docs/flags.md from the programs themselves and from the table of the original's flags, and what the Python side says
of flags from what the programs say.

usage: scripts/flags_document.py [--check] [--bin-dir FOLDER]

--check     write nothing; exit status 1 when a file is not what would be written
--bin-dir   folder of signalbox and signalbox-proxy (default .build/release)
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
DOCUMENT = PROJECT / "docs" / "flags.md"
MEANINGS = PROJECT / "python" / "src" / "signalbox" / "meanings.py"
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


def meaning(argument: dict) -> str:
    text = " ".join(argument["abstract"].split())
    default = argument.get("defaultValue")
    return f"{text.removesuffix('.')} (default: {default})." if default else text


def meanings(found: list[dict]) -> str:
    """The Python side's text for each flag of `signalbox launch`, under each of its names."""
    lines = ['"""What `signalbox launch --help` says of its flags. Written by scripts/flags_document.py."""', "", "MEANINGS = {"]
    for argument in found:
        for name in argument["names"]:
            if name["kind"] == "long":
                lines.append(f"    {json.dumps(name['name'])}: {json.dumps(meaning(argument))},")
    return "\n".join([*lines, "}", ""])


def original() -> list[str]:
    # Needs the meanings, which may only just have been written.
    sys.path.insert(0, str(PROJECT / "python" / "src"))
    from signalbox.flags import FLAGS

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
    differing = []
    try:
        launch = arguments([str(options.bin_dir / "signalbox"), "launch"])
        for file, write in ((MEANINGS, lambda: meanings(launch)), (DOCUMENT, lambda: document(options.bin_dir))):
            text = write()
            if file.exists() and file.read_text() == text:
                continue
            differing.append(file)
            if options.check:
                # What comes next is made of it.
                break
            file.write_text(text)
    except FileNotFoundError as error:
        print(f"{error.filename} is missing; run swift build -c release, or name another --bin-dir.", file=sys.stderr)
        return 2
    if not options.check:
        return 0
    for file in differing:
        print(f"{file.relative_to(PROJECT)} is not what the programs say; run scripts/flags_document.py.", file=sys.stderr)
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
