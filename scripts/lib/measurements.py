"""Turns the figures that the end-to-end tests wrote down into docs/measurements.md, and keeps what is recorded by hand
at its end.

usage: measurements.py RESULTS OUTPUT
"""

import json
import os
import platform
import subprocess
import sys
from pathlib import Path


BY_HAND = "# Recorded by hand"


def recorded_by_hand(document: Path) -> str:
    """The part of the document that this script does not write, with its heading."""
    text = document.read_text(encoding="utf-8") if document.exists() else ""
    return text[text.index(BY_HAND):] if BY_HAND in text else ""


def machine() -> str:
    model = next((line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith("model name")), platform.machine())
    swift = subprocess.run(["swift", "--version"], capture_output=True, text=True).stdout.split("\n")[0]
    version = swift.partition("Swift version ")[2].split(" ")[0] or "unknown"
    return f"{os.cpu_count()} cores of {model}, Linux {platform.release().split('-')[0]}, Swift {version}"


def number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:,.3g}" if value < 1000 else f"{value:,.0f}"


def main() -> int:
    results, output = Path(sys.argv[1]), Path(sys.argv[2])
    figures = [json.loads(line) for line in results.read_text().splitlines()]
    if not figures:
        print("no figures were measured", file=sys.stderr)
        return 1
    lines = [
        "# Measurements", "",
        "Written by `scripts/test.sh e2e --measure`; what takes too long for that is recorded by hand at the end. Each figure",
        "is one run of the test beside it, with release builds and the load, the workers and the router on one machine; a",
        "figure with a limit fails its test when it is over. One test alone: `scripts/test.sh e2e Tests/EndToEndTests/FILE`.",
        "",
        f"Machine: {machine()}.", "",
    ]
    for subject in dict.fromkeys(figure["subject"] for figure in figures):
        lines += [f"## {subject}", "", "| figure | measured | limit | test |", "|---|---|---|---|"]
        for figure in figures:
            if figure["subject"] == subject:
                limit = "" if figure["limit"] == "-" else f"{figure['limit']} {figure['unit']}"
                lines.append(f"| {figure['figure']} | {number(figure['value'])} {figure['unit']} | {limit} | "
                             f"`{figure['test']}` |")
        lines.append("")
    measured = "\n".join(lines).rstrip("\n") + "\n"
    by_hand = recorded_by_hand(output)
    output.write_text(measured + (f"\n{by_hand}" if by_hand else ""), encoding="utf-8")
    print(f"    {len(figures)} figures in {output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
