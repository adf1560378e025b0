"""Many clients that do nothing, or as little as they can, cost the others nothing."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from support.fleet import Workbench
from support.limits import limit
from support.measurements import percentile, record
from support.processes import resident_bytes
from support.raw_http import RawConnection
from support.recording_worker import RecordingWorker, response_bytes
from support.scripted_control_plane import serving

CLIENTS = 300
SECONDS = 1
SETTINGS = {"head_timeout_milliseconds": SECONDS * 1000, "upload_idle_timeout_milliseconds": SECONDS * 1000}
P99_SECONDS_MAX = 0.1
BYTES_PER_CONNECTION_MAX = 8 * 1024

BEGINNINGS = {
    "head": "GET /get_model_info HTTP/1.1\r\nHost: t\r\n",
    "body": "POST /generate HTTP/1.1\r\nHost: t\r\nContent-Length: 100000\r\n\r\n",
    "chunks": "POST /generate HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n186a0\r\n",
}


def answering(bench: Workbench) -> RecordingWorker:
    return bench.recording_worker(lambda connection, request: connection.send(response_bytes(request.body)))


class Dripping:
    """Clients that send a byte each, again and again, until they are cut off."""

    def __init__(self, clients: list[RawConnection]):
        self.clients = clients
        self.cut: set[int] = set()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Dripping":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join(10)

    def _run(self) -> None:
        while not self._stopping.wait(0.1):
            for number, client in enumerate(self.clients):
                try:
                    client.send(b"x")
                except OSError:
                    self.cut.add(number)


@contextmanager
def clients_of(port: int, beginning: str) -> Iterator[list[RawConnection]]:
    with ExitStack() as stack:
        clients = [stack.enter_context(RawConnection(port, timeout=limit(10))) for _ in range(CLIENTS)]
        for client in clients:
            client.send(beginning)
        yield clients


def latencies(port: int, seconds: float) -> list[float]:
    """How long requests of an ordinary client take, one after the other."""
    found, ended = [], time.monotonic() + seconds
    with RawConnection(port) as client:
        while time.monotonic() < ended:
            started = time.monotonic()
            assert client.ask("POST", "/generate", b"{}").body == b"{}"
            found.append(time.monotonic() - started)
            time.sleep(0.005)
    return found


@pytest.mark.parametrize("phase", list(BEGINNINGS))
def test_clients_that_drip_are_cut_off_and_harm_nobody(bench: Workbench, phase: str) -> None:
    worker = answering(bench)
    with serving(bench, worker.url, settings=SETTINGS) as (_, proxy), clients_of(proxy.port, BEGINNINGS[phase]) as clients:
        with Dripping(clients):
            times = latencies(proxy.port, SECONDS * 2)
            statuses = [client.read_response().status for client in clients]
        assert statuses == [408] * CLIENTS
        assert percentile(times, 99) < limit(P99_SECONDS_MAX), f"p99 {percentile(times, 99) * 1000:.0f} ms"


@pytest.mark.measured
def test_2000_slow_heads_end_with_their_limit_and_harm_no_one(bench: Workbench) -> None:
    worker = answering(bench)
    settings = {"head_timeout_milliseconds": 5000}
    with serving(bench, worker.url, settings=settings) as (_, proxy), ExitStack() as stack:
        alone = percentile(latencies(proxy.port, 1), 99)
        clients = [stack.enter_context(RawConnection(proxy.port, timeout=limit(15))) for _ in range(2000)]
        for client in clients:
            client.send(BEGINNINGS["head"])
        times = latencies(proxy.port, 1)
        assert all(client.read_response().status == 408 for client in clients)
    title = "2,000 connections with half a head"
    record(title, "p99 of a client beside them", percentile(times, 99) * 1000, "ms", "100", "limits/test_slow_clients.py")
    record(title, "p99 of the same client alone", alone * 1000, "ms", "-", "limits/test_slow_clients.py")
    assert percentile(times, 99) < limit(P99_SECONDS_MAX)


def test_2000_idle_connections_cost_little_and_end_with_their_limit(bench: Workbench) -> None:
    worker = answering(bench)
    settings = {"head_timeout_milliseconds": 3000, "keep_alive_timeout_milliseconds": 3000}
    with serving(bench, worker.url, settings=settings) as (_, proxy), ExitStack() as stack:
        assert latencies(proxy.port, 0.1)
        before = resident_bytes(proxy.pid)
        clients = [stack.enter_context(RawConnection(proxy.port, timeout=limit(10))) for _ in range(2000)]
        clients[-1].ask("GET", "/health")
        grown = resident_bytes(proxy.pid) - before
        assert grown < len(clients) * BYTES_PER_CONNECTION_MAX, f"{grown / len(clients):.0f} bytes for each"
        times = latencies(proxy.port, 0.5)
        assert percentile(times, 99) < limit(P99_SECONDS_MAX)
        assert all(client.ends() for client in clients)
        assert latencies(proxy.port, 0.1)
