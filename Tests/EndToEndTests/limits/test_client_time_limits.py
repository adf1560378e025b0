"""The limits on what a client may take its time for: each fires when it is over, with the right answer."""

import socket
import time

import pytest

from limits.timing import SPARE_SECONDS, StandingWorker, assert_error, lasting
from support.fleet import Workbench
from support.limits import limit
from support.raw_http import RawConnection
from support.recording_worker import RecordedRequest, WorkerConnection, response_bytes
from support.scripted_control_plane import serving
from support.waiting import wait_for

LIMIT = 0.4
BODY_HEAD = "POST /generate HTTP/1.1\r\nHost: t\r\nContent-Length: %d\r\n\r\n"
LARGE = 3_000_000

# What a client still sends is thrown away for this long, so that the answer before it is not destroyed by a reset.
LINGER_SECONDS = 2


def milliseconds(name: str) -> dict[str, int]:
    return {f"{name}_timeout_milliseconds": int(LIMIT * 1000)}


@pytest.mark.parametrize("dripped", [b"", b"X-A: a\r\n"])
def test_a_head_that_does_not_end_is_408(bench: Workbench, dripped: bytes) -> None:
    """Also one of which a little more comes all the time."""
    worker = bench.recording_worker()
    with serving(bench, worker.url, settings=milliseconds("head")) as (_, proxy), RawConnection(proxy.port) as client:
        with lasting(LIMIT):
            client.send("GET /get_model_info HTTP/1.1\r\nHost: t\r\n")
            until_answered(client, dripped)
            assert_error(client.read_response(), 408)
        assert client.ends()


def until_answered(client: RawConnection, dripped: bytes, seconds: float = 5) -> None:
    """Sends a little again and again until something comes back."""
    if not dripped:
        return
    timeout = client.socket.gettimeout()
    client.socket.settimeout(0.05)
    for _ in range(int(seconds / 0.05)):
        client.send(dripped)
        try:
            client.buffer += client.socket.recv(65536)
            break
        except TimeoutError:
            continue
    client.socket.settimeout(timeout)


def test_empty_lines_before_a_head_win_no_time(bench: Workbench) -> None:
    worker = bench.recording_worker()
    settings = milliseconds("head") | milliseconds("keep_alive")
    with serving(bench, worker.url, settings=settings) as (_, proxy), RawConnection(proxy.port, timeout=5) as client:
        started = time.monotonic()
        try:
            while time.monotonic() - started < 3 * LINGER_SECONDS:
                client.send(b"\r\n")
                time.sleep(0.05)
        except OSError:
            pass
        elapsed = time.monotonic() - started
        assert elapsed < limit(LIMIT + LINGER_SECONDS + SPARE_SECONDS), "a client that sends nothing but line ends is kept"


@pytest.mark.parametrize("length", [100, LARGE])
def test_a_body_that_stops_is_408(bench: Workbench, length: int) -> None:
    """One that is held, and one that is on its way to a worker already, whose connection then ends too."""
    worker = bench.recording_worker()
    with serving(bench, worker.url, settings=milliseconds("upload_idle")) as (_, proxy):
        with RawConnection(proxy.port) as client:
            client.send((BODY_HEAD % length).encode() + b"x" * (length - 10))
            with lasting(LIMIT):
                assert_error(client.read_response(), 408)
            assert client.ends()
        assert not any(request.is_complete for request in worker.routed("/generate"))
        if length == LARGE:
            wait_for("the worker's connection to end", lambda: worker.routed("/generate")[0].ended_at, 5)


def test_a_held_body_that_drips_is_408(bench: Workbench) -> None:
    """The idle limit alone would let a client hold memory for days with a byte now and then."""
    worker = bench.recording_worker()
    with serving(bench, worker.url, settings=milliseconds("upload_idle")) as (_, proxy), RawConnection(proxy.port) as client:
        client.send(BODY_HEAD % 1000)
        with lasting(LIMIT):
            until_answered(client, b"x")
            assert_error(client.read_response(), 408)


@pytest.mark.parametrize("used", [False, True])
def test_a_connection_without_a_request_ends_without_a_word(bench: Workbench, used: bool) -> None:
    """The first request of a connection has the time of a head, later ones have that of an idle connection."""
    worker = bench.recording_worker()
    settings = milliseconds("keep_alive" if used else "head")
    with serving(bench, worker.url, settings=settings) as (_, proxy), RawConnection(proxy.port) as client:
        if used:
            assert client.ask("POST", "/generate", b"{}").status == 200
        with lasting(LIMIT):
            assert client.ends()


def test_a_client_that_takes_nothing_is_reset_and_frees_its_worker(bench: Workbench) -> None:
    flood = StandingWorker(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n", b"x" * 20_000_000)
    worker = bench.recording_worker(flood)
    settings = milliseconds("stream_idle")
    with serving(bench, worker.url, settings=settings) as (_, proxy):
        with RawConnection(proxy.port, receive_buffer=4096) as client:
            client.send(BODY_HEAD % 0)
            assert client.read_head().status == 200
            wait_for("the worker's connection to end", lambda: worker.routed("/generate")[0].ended_at, 10)
            with pytest.raises(ConnectionResetError):
                client.read_to_end()


def test_the_limit_of_the_whole_request_ends_an_upload_with_408(bench: Workbench) -> None:
    """The body goes on coming, fast enough for the other limits."""
    worker = bench.recording_worker()
    with serving(bench, worker.url, settings=milliseconds("request")) as (_, proxy), RawConnection(proxy.port) as client:
        client.send(BODY_HEAD % LARGE)
        with lasting(LIMIT):
            until_answered(client, b"x" * 500)
            assert_error(client.read_response(), 408)


# None of them fires for one who is only slow.


def test_a_slow_head_within_its_limit_is_served(bench: Workbench) -> None:
    worker = bench.recording_worker()
    with serving(bench, worker.url, settings={"head_timeout_milliseconds": 3000, "keep_alive_timeout_milliseconds": 300}) as (
        _, proxy
    ), RawConnection(proxy.port) as client:
        for byte in b"GET /get_model_info HTTP/1.1\r\nHost: t\r\n\r\n":
            client.send(bytes([byte]))
            time.sleep(0.02)
        assert client.read_response().status == 200


def test_an_upload_that_never_stops_for_long_may_take_longer_than_the_idle_limit(bench: Workbench) -> None:
    worker = bench.recording_worker()
    with serving(bench, worker.url, settings=milliseconds("upload_idle")) as (_, proxy), RawConnection(proxy.port) as client:
        client.send(BODY_HEAD % LARGE)
        for _ in range(10):
            client.send(b"x" * (LARGE // 10))
            time.sleep(LIMIT / 3)
        assert client.read_response().status == 200
    assert worker.routed("/generate")[0].body == b"x" * LARGE


def test_a_worker_may_think_longer_than_every_limit_on_its_client(bench: Workbench) -> None:
    def think(connection: WorkerConnection, request: RecordedRequest) -> None:
        time.sleep(LIMIT * 3)
        connection.send(response_bytes("late"))

    worker = bench.recording_worker(think)
    settings = milliseconds("head") | milliseconds("upload_idle") | milliseconds("keep_alive") | milliseconds("stream_idle")
    with serving(bench, worker.url, settings=settings) as (_, proxy), RawConnection(proxy.port) as client:
        for _ in range(2):
            assert client.ask("POST", "/generate", b"{}").body == b"late"


def test_a_slow_reader_that_reads_gets_everything(bench: Workbench) -> None:
    """It takes far longer than the idle limit in all, and never stops for as long as that."""
    body = b"x" * 3_000_000
    worker = bench.recording_worker(lambda connection, _: connection.send(response_bytes(body)))
    settings = milliseconds("stream_idle") | milliseconds("keep_alive")
    with serving(bench, worker.url, settings=settings) as (_, proxy), socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        client.connect(("127.0.0.1", proxy.port))
        client.sendall((BODY_HEAD % 0).encode())
        client.settimeout(10)
        received, started = 0, time.monotonic()
        while received < len(body):
            piece = client.recv(120_000)
            assert piece, f"cut after {received} bytes and {time.monotonic() - started:.1f} s"
            received += len(piece)
            time.sleep(0.01)
        assert time.monotonic() - started > LIMIT, "the reader was not slow"
