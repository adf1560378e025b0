"""Where the native programs are."""

import os
import shutil
import sys
import sysconfig
from pathlib import Path
from typing import Iterator


def _folders() -> Iterator[Path]:
    given = os.environ.get("SIGNALBOX_BIN_DIR")
    if given:
        yield Path(given)
    # Where pip puts the scripts of a wheel: this environment, or the user's own.
    yield Path(sysconfig.get_path("scripts"))
    yield Path(sysconfig.get_path("scripts", f"{os.name}_user"))
    yield Path(sys.prefix) / "bin"
    # An editable install: the checkout.
    yield Path(__file__).resolve().parents[3] / ".build" / "release"


def find_program(name: str = "signalbox") -> str:
    """The path of a native program: `signalbox`, `signalbox-proxy` or `simulated-worker`.

    Raises FileNotFoundError with one sentence when it is nowhere.
    """
    for folder in _folders():
        candidate = folder / name
        if os.access(candidate, os.X_OK) and candidate.is_file():
            return str(candidate)
    found = shutil.which(name)
    if found:
        return found
    raise FileNotFoundError(
        f"The program '{name}' is not installed; reinstall signalbox-router, or name its folder in SIGNALBOX_BIN_DIR."
    )
