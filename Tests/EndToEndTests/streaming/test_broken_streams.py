"""A worker that dies in the middle of an answer: the client sees it, never a normal end."""

import json
import threading

import pytest

from support.fleet import Workbench
from support.raw_http import RawConnection
from support.recording_worker import RecordedRequest, WorkerConnection

STREAM = b'{"model":"simulated","stream":true,"max_tokens":100000,"messages":[{"role":"user","content":"hi"}]}'


def read_broken_stream(connection: RawConnection) -> tuple[bytes, bool]:
    """What came after the head, and whether the chunked body ended as it should."""
    received = []
    try:
        while chunk := connection.read_chunk():
            received.append(chunk)
        return b"".join(received), True
    except (EOFError, ConnectionError, ValueError):
        return b"".join(received), False


def assert_visibly_broken(body: bytes, ended_normally: bool) -> None:
    assert b"[DONE]" not in body, "an end was invented"
    events = [line[6:] for line in body.split(b"\n") if line.startswith(b"data: ")]
    has_error = bool(events) and "error" in json.loads(events[-1])
    assert has_error or not ended_normally, "the stream ended as if nothing had happened"
    if has_error:
        assert json.loads(events[-1])["error"]["message"]
        assert body.endswith(b"\n\n")


def test_a_simulated_worker_that_is_killed(bench: Workbench) -> None:
    worker = bench.worker("--speedup", "1")
    plane, proxy = bench.wired(worker.url)
    with RawConnection(proxy.port) as connection:
        connection.send(b"POST /v1/chat/completions HTTP/1.1\r\nHost: t\r\nContent-Length: %d\r\n\r\n%s" % (len(STREAM), STREAM))
        assert connection.read_response(head_only=True).status == 200
        connection.read_chunk()
        worker.kill()
        assert_visibly_broken(*read_broken_stream(connection))
    plane.admin.wait_for_no_requests()


@pytest.mark.parametrize("end", ["between events", "inside an event", "inside a chunk"])
@pytest.mark.parametrize("kind", ["text/event-stream", "application/json"])
def test_a_worker_that_closes_early(bench: Workbench, end: str, kind: str) -> None:
    def respond(connection: WorkerConnection, request: RecordedRequest) -> bool:
        connection.send(f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        connection.send_chunk(b'data: {"n":1}\n\n')
        if end == "inside an event":
            connection.send_chunk(b'data: {"n"')
        elif end == "inside a chunk":
            connection.send(b"40\r\ndata: ")
        return False

    worker = bench.recording_worker(respond)
    _, proxy = bench.wired(worker.url)
    with RawConnection(proxy.port) as connection:
        connection.send("POST /generate HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\n\r\n{}")
        assert connection.read_head().status == 200
        body, ended = read_broken_stream(connection)
        assert body.startswith(b'data: {"n":1}\n\n')
        if kind == "application/json":
            assert not ended
        else:
            assert b"[DONE]" not in body and (not ended or b'"error"' in body)


def test_a_body_of_known_length_that_stays_short_is_cut(bench: Workbench) -> None:
    def respond(connection: WorkerConnection, request: RecordedRequest) -> bool:
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this")
        return False

    worker = bench.recording_worker(respond)
    _, proxy = bench.wired(worker.url)
    with RawConnection(proxy.port) as connection, pytest.raises((EOFError, ConnectionError)):
        connection.ask("POST", "/generate", b"{}")


def test_a_stream_is_relayed_event_by_event(bench: Workbench) -> None:
    """The next event is sent only after the client has the one before: any buffering would hang."""
    seen = threading.Semaphore(0)

    def respond(connection: WorkerConnection, request: RecordedRequest) -> None:
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        for number in range(50):
            connection.send_chunk(b"data: %d\n\n" % number)
            assert seen.acquire(timeout=10)
        connection.send_chunk(b"data: [DONE]\n\n")
        connection.send(b"0\r\n\r\n")

    worker = bench.recording_worker(respond)
    _, proxy = bench.wired(worker.url)
    with RawConnection(proxy.port) as connection:
        connection.send("POST /generate HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\n\r\n{}")
        head = connection.read_head()
        assert head.header("content-type") == "text/event-stream"
        for number in range(50):
            assert connection.read_chunk() == b"data: %d\n\n" % number
            seen.release()
        assert connection.read_chunk() == b"data: [DONE]\n\n"
        assert connection.read_chunk() == b""
