"""The files that the checks look at: what is, or would be, under version control."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def project_files() -> list[Path]:
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout
    return [ROOT / name for name in sorted(listing.split("\0")) if name and (ROOT / name).is_file()]


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def report(problems: list[str]) -> int:
    for problem in problems:
        print(f"    {problem}")
    print(f"    {len(problems)} problems" if problems else "    ok")
    return 1 if problems else 0
