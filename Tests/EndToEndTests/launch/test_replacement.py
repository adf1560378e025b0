"""Every process below `launch` is replaced under load, and no client notices."""

import asyncio
import os
import signal
import threading

import pytest

from support.fleet import Launch, Workbench
from support.limits import limit
from support.load import LoadGenerator
from support.measurements import record
from support.open_loop import OpenLoop
from support.load import chat_request
from support.waiting import wait_for

NAME = "launch/test_replacement.py"


class NewConnections:
    """Clients that come with a connection of their own for each request, until told to stop."""

    def __init__(self, port: int):
        self.port = port
        self.outcomes: list = []
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "NewConnections":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join(60)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self.outcomes += OpenLoop(self.port, chat_request(), 100, 0.5, 20).run()

    def failures(self) -> list:
        return [outcome for outcome in self.outcomes if outcome.status != 200]


def identities(launch: Launch) -> set[str]:
    return {entry["id"] for entry in launch.admin.data_planes()}


@pytest.mark.measured
@pytest.mark.parametrize("how", ["SIGHUP", "POST /data_planes/restart"])
def test_data_planes_are_replaced_under_load_without_a_failed_request(bench: Workbench, how: str) -> None:
    workers = [bench.worker() for _ in range(2)]
    launch = bench.launch(workers=[worker.url for worker in workers], data_planes=2)
    bench.wait_ready(launch)
    before, old = identities(launch), set(launch.data_plane_pids())
    with LoadGenerator(launch.port, 64) as load, NewConnections(launch.port) as new:
        wait_for("the load to flow", lambda: load.result.completed > 500)
        if how == "SIGHUP":
            launch.signal(signal.SIGHUP)
        else:
            answer = launch.admin.post("/data_planes/restart")
            assert answer.status_code == 202, answer.text
        wait_for("both to be replaced", lambda: len(identities(launch)) == 2 and not identities(launch) & before, limit(20))
        wait_for("the old ones to be gone", lambda: not set(launch.data_plane_pids()) & old, limit(20))
        after = load.result.completed
        wait_for("traffic to go on", lambda: load.result.completed > after + 500)
    failures = load.result.failures + new.failures()
    record("Data planes replaced under load", f"failed of {load.result.completed + len(new.outcomes)} requests ({how})",
           len(failures), "requests", "0", NAME)
    assert failures == [], failures[:3]
    assert len(launch.data_plane_pids()) == 2


@pytest.mark.measured
def test_the_control_plane_is_replaced_under_load_without_a_failed_request(bench: Workbench) -> None:
    workers = [bench.worker() for _ in range(2)]
    launch = bench.launch(workers=[worker.url for worker in workers], data_planes=2)
    bench.wait_ready(launch)
    with LoadGenerator(launch.port, 64) as load, NewConnections(launch.port) as new:
        wait_for("the load to flow", lambda: load.result.completed > 500)
        for number in (signal.SIGTERM, signal.SIGKILL):
            old = launch.control_plane_pid()
            os.kill(old, number)
            wait_for("its successor", lambda: launch.control_plane_pid() not in (None, old), limit(10))
            wait_for("it to answer", lambda: launch.admin.get("/health").status_code == 200, limit(10))
            launch.admin.wait_until_applied(2)
    failures = load.result.failures + new.failures()
    record("Control plane replaced under load", f"failed of {load.result.completed + len(new.outcomes)} requests",
           len(failures), "requests", "0", NAME)
    assert failures == [], failures[:3]


def test_without_a_supervisor_a_restart_is_409(bench: Workbench) -> None:
    answer = bench.control_plane().admin.post("/data_planes/restart")
    assert answer.status_code == 409 and "supervisor" in answer.text


def test_a_successor_that_cannot_serve_leaves_the_old_ones_in_place(bench: Workbench) -> None:
    """Its control plane is frozen and the cache is gone: it has no snapshot."""
    worker = bench.worker()
    launch = bench.launch("--snapshot-cache", bench.folder / "none" / "cache", workers=[worker.url], data_planes=1)
    bench.wait_ready(launch)
    control, [old] = launch.control_plane_pid(), launch.data_plane_pids()
    os.kill(control, signal.SIGSTOP)
    launch.signal(signal.SIGHUP)
    wait_for("the successor", lambda: len(launch.data_plane_pids()) == 2)
    [successor] = set(launch.data_plane_pids()) - {old}
    os.kill(successor, signal.SIGKILL)
    wait_for("the failure to be told", lambda: "did not serve in time" in launch.log())
    os.kill(control, signal.SIGCONT)
    outcomes = OpenLoop(launch.port, chat_request(), 50, 1, 5).run()
    assert all(outcome.status == 200 for outcome in outcomes)
    assert launch.data_plane_pids() == [old]


async def _stream(port: int, started: asyncio.Event) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(chat_request(stream=True, max_tokens=40))
    head = await reader.readuntil(b"\r\n\r\n")
    started.set()
    received = head + await reader.read(-1)
    writer.close()
    return received


def test_a_stream_that_runs_while_its_data_plane_is_replaced_ends_whole(bench: Workbench) -> None:
    worker = bench.worker("--speedup", "1", "--decode-base-ms", 50)
    launch = bench.launch(workers=[worker.url], data_planes=1)
    bench.wait_ready(launch)
    before = identities(launch)

    async def run() -> bytes:
        started = asyncio.Event()
        stream = asyncio.create_task(_stream(launch.port, started))
        await started.wait()
        launch.signal(signal.SIGHUP)
        return await asyncio.wait_for(stream, limit(20))

    received = asyncio.run(run())
    assert received.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n"), received[-200:]
    wait_for("the replacement", lambda: not identities(launch) & before)
