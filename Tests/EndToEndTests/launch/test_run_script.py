"""scripts/run.sh, the first command of the README."""

import os
import socket
import subprocess

import pytest

from support.fleet import BINARIES, PROJECT, Workbench
from support.processes import MARK, marked_processes


def run(bench: Workbench, *arguments: str) -> subprocess.CompletedProcess[str]:
    surroundings = os.environ | {"SIGNALBOX_BIN_DIR": str(BINARIES), MARK: bench.mark, "TMPDIR": str(bench.folder)}
    return subprocess.run([PROJECT / "scripts" / "run.sh", *arguments], env=surroundings, capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=120)


def test_once_shows_everything_and_leaves_nothing(bench: Workbench) -> None:
    result = run(bench, "--once")
    assert result.returncode == 0, result.stdout + result.stderr
    for text in ("data: [DONE]", "Successfully added worker: http://127.0.0.1:", "action = worker.added",
                 "both data planes serve sequence"):
        assert text in result.stdout
    assert marked_processes(bench.mark) == []
    assert list(bench.folder.glob("signalbox*")) == [], "a temporary folder was left behind"


def test_a_busy_port_that_was_asked_for_is_named(bench: Workbench) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        result = run(bench, "--once", "--port", str(port))
    assert result.returncode != 0
    assert f"Port {port} is in use" in result.stderr and "--port" in result.stderr
    assert marked_processes(bench.mark) == []


@pytest.mark.parametrize("arguments", [["--port", "no"], ["--port"], ["--nonsense"]])
def test_a_bad_argument_is_named(bench: Workbench, arguments: list[str]) -> None:
    result = run(bench, *arguments)
    assert result.returncode != 0 and arguments[0] in result.stderr
