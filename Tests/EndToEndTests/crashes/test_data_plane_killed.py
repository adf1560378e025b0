"""kill -9 of one of two data planes: only the requests that were on it fail."""

import os
import signal
import time
from contextlib import ExitStack, suppress

import pytest

from support.fleet import Workbench
from support.limits import limit
from support.load import LoadGenerator
from support.measurements import record
from support.processes import freeze, is_alive, socket_ports
from support.raw_http import RawConnection
from support.recording_worker import RecordedRequest, WorkerConnection, response_bytes
from support.waiting import wait_for

STREAM = '{"text":"x","stream":true}'


@pytest.mark.measured
def test_only_its_own_requests_fail_and_it_is_back_within_two_seconds(bench: Workbench) -> None:
    workers = [bench.worker(), bench.worker()]
    launch = bench.launch(workers=[worker.url for worker in workers], data_planes=2)
    bench.wait_ready(launch)
    pids = launch.data_plane_pids()
    assert len(pids) == 2
    with LoadGenerator(launch.port, 64) as load:
        wait_for("the load to flow", lambda: load.result.completed > 200 and len(load.ports()) == 64)
        victim = max(pids, key=lambda pid: len(socket_ports(pid)))
        # Stopped first, so that the list of its clients is exactly what it had when it died.
        freeze(victim)
        on_victim = socket_ports(victim)
        on_other = [socket_ports(pid) for pid in pids if pid != victim][0]
        assert on_other & load.ports(), "the other data plane has no clients that could fail"
        os.kill(victim, signal.SIGKILL)
        killed = time.monotonic()
        wait_for("the victim to be gone", lambda: not is_alive(victim))
        wait_for("a successor that serves the current version", lambda: (
            victim not in launch.data_plane_pids() and len(launch.data_plane_pids()) == 2
            and launch.admin.applied_by(2, launch.admin.version()[1])))
        back = time.monotonic() - killed
        after = load.result.completed
        wait_for("traffic to go on", lambda: load.result.completed > after + 500)
    strangers = [failure for failure in load.result.failures if failure.local_port not in on_victim]
    assert strangers == [], f"requests on the other data plane failed: {strangers[:3]}"
    assert len({failure.local_port for failure in load.result.failures}) == len(load.result.failures)
    name = "crashes/test_data_plane_killed.py"
    record("One of two data planes killed", "failed requests that were not on it", len(strangers), "requests", "0", name)
    record("One of two data planes killed", f"failed requests that were on it (of {load.result.completed})",
           len(load.result.failures), "requests", "-", name)
    record("One of two data planes killed", "its successor serves after", back, "s", "2", name)
    assert back < limit(2)


def test_connections_that_wait_to_be_accepted_survive_its_death(bench: Workbench) -> None:
    """The listening socket is the supervisor's: a client that is queued is served by the successor."""
    launch = bench.launch(workers=[bench.worker().url], data_planes=1)
    bench.wait_ready(launch)
    [victim] = launch.data_plane_pids()
    freeze(victim)
    queued = [RawConnection(launch.port) for _ in range(20)]
    for connection in queued:
        connection.send("GET /health HTTP/1.1\r\nHost: t\r\n\r\n")
    os.kill(victim, signal.SIGKILL)
    for connection in queued:
        with connection:
            assert connection.read_response().status == 200


class Streams:
    """A worker whose streams go on until their reader leaves."""

    def __init__(self, bench: Workbench):
        self.open: set[WorkerConnection] = set()
        self.url = bench.recording_worker(self.respond).url

    def respond(self, connection: WorkerConnection, request: RecordedRequest) -> bool | None:
        if b"stream" not in request.body:
            connection.send(response_bytes("{}"))
            return None
        self.open.add(connection)
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        connection.send_chunk(b"data: {}\n\n")
        connection.wait_for_end(limit(60))
        self.open.discard(connection)
        return False


def test_200_streams_that_die_with_it_are_counted_nowhere_and_those_of_the_other_one_go_on(bench: Workbench) -> None:
    worker = Streams(bench)
    plane, victim = bench.wired(worker.url)
    other = bench.data_plane(plane.control_socket)
    bench.wait_ready(other)
    with ExitStack() as clients:
        def open_streams(port: int, count: int) -> list[RawConnection]:
            streams = [clients.enter_context(RawConnection(port, timeout=limit(20))) for _ in range(count)]
            for stream in streams:
                stream.send(f"POST /generate HTTP/1.1\r\nHost: t\r\nContent-Length: {len(STREAM)}\r\n\r\n{STREAM}")
                assert stream.read_response(head_only=True).status == 200
            return streams

        dying, living = open_streams(victim.port, 200), open_streams(other.port, 20)
        wait_for("all to be counted", lambda: plane.admin.worker(worker.url)["load"] == 220)
        victim.kill()
        killed = time.monotonic()
        wait_for("the worker to be rid of them", lambda: len(worker.open) == 20)
        wait_for("their counts to be gone", lambda: plane.admin.worker(worker.url)["load"] == 20)
        assert time.monotonic() - killed < limit(3)
        for stream in dying:
            with suppress(ConnectionError):
                while stream.receive():
                    pass
        for connection in list(worker.open):
            connection.send_chunk(b'data: {"further":1}\n\n')
        for stream in living:
            received = b""
            while b"further" not in received:
                data = stream.receive()
                assert data, "a stream of the other data plane was cut"
                received += data
    wait_for("nothing to be left", lambda: not worker.open and plane.admin.worker(worker.url)["load"] == 0, limit(5))
