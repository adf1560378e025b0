"""docs/flags.md says what the programs say, and the Python face what docs/flags.md says."""

import subprocess
import sys

from support.fleet import BINARIES, PROJECT


def test_the_document_is_what_the_programs_say() -> None:
    check = subprocess.run([sys.executable, str(PROJECT / "scripts/flags_document.py"), "--check", "--bin-dir", str(BINARIES)],
                           capture_output=True, text=True, check=False)
    assert check.returncode == 0, check.stderr
