"""The system's clock jumps by a day, forwards and back: nothing that is served notices."""

import os
from pathlib import Path

import pytest

from support.fleet import Workbench
from support.limits import limit
from support.load import LoadGenerator, chat_request
from support.processes import Process
from support.raw_http import RawConnection
from support.recording_worker import RecordedRequest, WorkerConnection, response_bytes
from support.waiting import wait_for

LIBRARY = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)


@pytest.fixture
def clock(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that says by how much the clock of all programs is wrong; their monotonic clocks are right."""
    assert LIBRARY, "libfaketime is missing; apt-get install faketime"
    path = bench.folder / "clock"
    path.write_text("+0")
    for name, value in {"LD_PRELOAD": str(LIBRARY), "FAKETIME_TIMESTAMP_FILE": str(path), "FAKETIME_NO_CACHE": "1",
                        "DONT_FAKE_MONOTONIC": "1"}.items():
        monkeypatch.setitem(os.environ, name, value)
    start = bench.process

    def through_env(kind: type, name: str, arguments: list, **options: object) -> Process:
        """The library changes the environment where it is loaded first, and a Swift program then does not find its arguments."""
        return start(kind, name, ["/usr/bin/env", *arguments], **options)

    monkeypatch.setattr(bench, "process", through_env)
    return path


def stream(connection: WorkerConnection, request: RecordedRequest) -> bool | None:
    if b"stream" not in request.body:
        connection.send(response_bytes("{}"))
        return None
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
    connection.send_chunk(b"data: {}\n\n")
    connection.wait_for_end(limit(60))
    return None


def test_a_day_forwards_and_back(bench: Workbench, clock: Path) -> None:
    worker, draining = bench.worker(), bench.recording_worker(stream)
    plane = bench.control_plane("--health-check-interval-secs", 1)
    proxy = bench.data_plane(plane.control_socket)
    for url in (worker.url, draining.url):
        assert plane.admin.add_worker(url).status_code == 200
    plane.admin.wait_until_applied(1)
    bench.wait_ready(proxy)
    body = '{"text":"x","stream":true}'
    with RawConnection(proxy.port, timeout=limit(20)) as client:
        # A stream at each, so that one of them is at the worker that drains.
        clients = [client]
        while not draining.routed("/generate"):
            another = RawConnection(proxy.port, timeout=limit(20))
            clients.append(another)
            another.send(f"POST /generate HTTP/1.1\r\nHost: t\r\nContent-Length: {len(body)}\r\n\r\n{body}")
            assert another.read_response(head_only=True).status == 200
        assert plane.admin.remove_worker(draining.url).status_code == 200
        wait_for("it to drain", lambda: plane.admin.worker(draining.url)["state"] == "draining")
        with LoadGenerator(proxy.port, 8, chat_request()) as load:
            for offset in ("+86400", "-86400", "+0"):
                clock.write_text(offset)
                before = load.result.completed
                probed = plane.admin.worker(worker.url)["last_probe"]
                wait_for("requests", lambda: load.result.completed > before + 200, limit(20))
                wait_for("another probe", lambda: plane.admin.worker(worker.url)["last_probe"] != probed, limit(40))
                assert plane.admin.worker(worker.url)["state"] == "ready"
                state = plane.admin.worker(draining.url)
                assert state["state"] == "draining" and state["drain"]["cut_at"] is None, offset
        assert load.result.failures == [], load.result.failures[:3]
        for each in clients[1:]:
            each.close()
    wait_for("the worker to be gone", lambda: draining.url not in [each["url"] for each in plane.admin.workers()], limit(20))
