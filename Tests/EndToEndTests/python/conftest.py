"""Makes the Python face importable as a checkout has it, and gives its programs a place of their own."""

import sys
from collections.abc import Callable, Iterator

import pytest

from support.fleet import BINARIES, PROJECT, Workbench
from support.processes import Process

SOURCES = PROJECT / "python" / "src"
sys.path.insert(0, str(SOURCES))

Start = Callable[..., Process]


@pytest.fixture
def surroundings(bench: Workbench) -> dict[str, str]:
    """What tells the Python face where programs and folders are."""
    return {"PYTHONPATH": str(SOURCES), "SIGNALBOX_BIN_DIR": str(BINARIES),
            "XDG_STATE_HOME": str(bench.folder), "XDG_RUNTIME_DIR": str(bench.folder)}


@pytest.fixture
def in_this_process(surroundings: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """For a test that uses the Python face itself."""
    for name, value in surroundings.items():
        monkeypatch.setenv(name, value)
    yield


@pytest.fixture
def start(bench: Workbench, surroundings: dict[str, str]) -> Start:
    """Starts `python -m sglang_router.MODULE ARGUMENTS`, or a program of its own: `start("program.py", text=...)`."""
    def started(module: str, *arguments: object, text: str | None = None) -> Process:
        command: list[object] = [sys.executable, "-m", f"sglang_router.{module}"]
        if text is not None:
            path = bench.folder / module
            path.write_text(text)
            command = [sys.executable, path]
        return bench.process(Process, module, [*command, *arguments], environment=surroundings)

    return started
