"""docs/flags.md and the Python side say of flags what the programs say."""

import subprocess
import sys

from support.fleet import BINARIES, PROJECT


def test_the_document_and_the_python_side_say_what_the_programs_say() -> None:
    check = subprocess.run([sys.executable, str(PROJECT / "scripts/flags_document.py"), "--check", "--bin-dir", str(BINARIES)],
                           capture_output=True, text=True, check=False)
    assert check.returncode == 0, check.stderr
