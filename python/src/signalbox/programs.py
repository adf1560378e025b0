"""Where the native programs are."""

import os
import shutil
from pathlib import Path
from typing import Iterator

PACKAGE = Path(__file__).resolve().parent


def _folders() -> Iterator[Path]:
    given = os.environ.get("SIGNALBOX_BIN_DIR")
    if given:
        yield Path(given)
    # A wheel carries them in the package.
    yield PACKAGE / "bin"
    # An editable install: the checkout.
    yield PACKAGE.parents[2] / ".build" / "release"


def _is_native(path: str) -> bool:
    """Whether this is a native program: the console scripts of this package have the same names, and lead here again."""
    with open(path, "rb") as file:
        return file.read(4) == b"\x7fELF"


def find_program(name: str = "signalbox") -> str:
    """The path of a native program: `signalbox`, `signalbox-proxy` or `simulated-worker`.

    Raises FileNotFoundError with one sentence when it is nowhere.
    """
    for folder in _folders():
        candidate = folder / name
        if os.access(candidate, os.X_OK) and candidate.is_file():
            return str(candidate)
    for entry in os.environ.get("PATH", os.defpath).split(os.pathsep):
        found = shutil.which(name, path=entry) if entry else None
        if found and _is_native(found):
            return found
    raise FileNotFoundError(
        f"The program '{name}' is not installed; reinstall signalbox-router, or name its folder in SIGNALBOX_BIN_DIR."
    )
