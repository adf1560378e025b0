"""The limits on what a worker may take its time for, for all models or for one: each fires, with the right answer."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from limits.timing import EVENT, MODEL, SSE_HEAD, StandingWorker, assert_error, chunk, lasting, read_stream, send
from support.fleet import DataPlane, Workbench
from support.raw_http import RawConnection
from support.recording_worker import response_bytes
from support.scripted_control_plane import serving

LIMIT = 0.4
SCOPES = ("for all models", "for one model")
DONE = chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n"


@contextmanager
def limited(bench: Workbench, worker: str, name: str, scope: str = SCOPES[0], pending: bool = False) -> Iterator[DataPlane]:
    """A data plane with one short limit; for one model, that of all others is so long that it cannot be what fires."""
    limits = {f"{name}_timeout_milliseconds": int(LIMIT * 1000)}
    with ExitStack() as stack:
        if scope == SCOPES[0]:
            serves = serving(bench, worker, settings=limits, pending=pending)
        else:
            serves = serving(bench, worker, settings={key: 60_000 for key in limits}, pending=pending,
                             models={MODEL: {"timeouts": limits}}, served={worker: MODEL})
        yield stack.enter_context(serves)[1]


def last_event(body: bytes) -> dict:
    """What the last event says; it must stand behind the end of the event before it."""
    assert body.startswith(EVENT) and body.endswith(b"\n\n"), body
    return json.loads(body.removesuffix(b"\n\n").rpartition(b"data: ")[2])


@pytest.mark.parametrize("scope", SCOPES)
def test_the_wait_for_a_ready_worker_ends_with_503(bench: Workbench, scope: str) -> None:
    worker = bench.recording_worker()
    with limited(bench, worker.url, "queue", scope, pending=True) as proxy, RawConnection(proxy.port) as client:
        with lasting(LIMIT):
            send(client)
            answer = client.read_response()
        assert_error(answer, 503)
        assert int(answer.header("retry-after") or 0) >= 1
        assert client.ask("GET", "/health").status == 200


@pytest.fixture
def black_hole() -> Iterator[str]:
    """An address that answers no SYN: a listener whose queue is full."""
    with socket.socket() as listener, ExitStack() as stack:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize("scope", SCOPES)
def test_a_worker_that_answers_no_connection_is_504(bench: Workbench, black_hole: str, scope: str) -> None:
    with limited(bench, black_hole, "connect", scope) as proxy, RawConnection(proxy.port) as client:
        with lasting(LIMIT):
            send(client)
            assert_error(client.read_response(), 504)


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("pieces", [(), (b"HTTP/1.1 200 OK\r\nContent-Type: text/",), (b"HTTP/1.1 103 Early Hints\r\n\r\n",)],
                         ids=["nothing", "half a head", "an interim head"])
def test_a_worker_that_sends_no_head_is_504(bench: Workbench, scope: str, pieces: tuple[bytes, ...]) -> None:
    standing = StandingWorker(*pieces)
    worker = bench.recording_worker(standing)
    with limited(bench, worker.url, "first_byte", scope) as proxy, RawConnection(proxy.port) as client:
        with lasting(LIMIT):
            send(client)
            assert_error(client.read_response(), 504)
        assert standing.was_left.wait(5), "the worker goes on working for nobody"


def test_a_head_that_drips_for_ever_is_504(bench: Workbench) -> None:
    standing = StandingWorker(b"HTTP/1.1 200 OK\r\n", *[b"X-A: a\r\n"] * 100, seconds_between=0.05)
    worker = bench.recording_worker(standing)
    with limited(bench, worker.url, "first_byte") as proxy, RawConnection(proxy.port) as client:
        with lasting(LIMIT):
            send(client)
            assert_error(client.read_response(), 504)


@pytest.mark.parametrize("scope", SCOPES)
def test_a_stream_without_any_content_ends_with_an_error_event(bench: Workbench, scope: str) -> None:
    standing = StandingWorker(SSE_HEAD)
    worker = bench.recording_worker(standing)
    with limited(bench, worker.url, "first_byte", scope) as proxy, RawConnection(proxy.port) as client:
        with lasting(LIMIT):
            send(client)
            answer = client.read_head()
            body, ended = read_stream(client)
        assert answer.status == 200 and not ended
        assert json.loads(body.removeprefix(b"data: "))["error"]["message"]
        assert standing.was_left.wait(5)


@pytest.mark.parametrize("scope", SCOPES)
def test_a_stream_that_stands_still_ends_with_an_error_event_and_without_the_last_chunk(bench: Workbench, scope: str) -> None:
    standing = StandingWorker(SSE_HEAD + chunk(EVENT))
    worker = bench.recording_worker(standing)
    with limited(bench, worker.url, "stream_idle", scope) as proxy, RawConnection(proxy.port) as client:
        with lasting(LIMIT):
            send(client)
            assert client.read_head().status == 200
            body, ended = read_stream(client)
        assert not ended, "a broken stream looks like a whole one"
        error = last_event(body)["error"]
        assert error["message"] and error["type"] and "code" in error
        assert standing.was_left.wait(5)


def test_messages_get_the_error_event_of_their_own_api(bench: Workbench) -> None:
    worker = bench.recording_worker(StandingWorker(SSE_HEAD + chunk(EVENT)))
    with limited(bench, worker.url, "stream_idle") as proxy, RawConnection(proxy.port) as client:
        send(client, path="/v1/messages")
        assert client.read_head().status == 200
        body, ended = read_stream(client)
    assert not ended
    assert body.startswith(EVENT + b"event: error\ndata: "), body
    event = last_event(body)
    assert event["type"] == "error" and event["error"]["type"] and event["error"]["message"]


HEAD_GZIP = SSE_HEAD.replace(b"\r\n\r\n", b"\r\nContent-Encoding: gzip\r\n\r\n")
HEAD_JSON = SSE_HEAD.replace(b"text/event-stream", b"application/json")
HEAD_LENGTH = SSE_HEAD.replace(b"Transfer-Encoding: chunked", b"Content-Length: 1000")


@pytest.mark.parametrize(("head", "content"), [
    (SSE_HEAD, EVENT + b'data: {"n"'), (SSE_HEAD, EVENT + b"data: 1\n"), (SSE_HEAD, EVENT + b"\xef\xbb"), (HEAD_GZIP, b"\x1f\x8b"),
    (HEAD_JSON, EVENT),
], ids=["in an event", "behind a line", "in a character", "content-encoded", "no event stream"])
def test_where_no_event_may_stand_the_stream_just_breaks(bench: Workbench, head: bytes, content: bytes) -> None:
    worker = bench.recording_worker(StandingWorker(head + chunk(content)))
    with limited(bench, worker.url, "stream_idle") as proxy, RawConnection(proxy.port) as client:
        with lasting(LIMIT):
            send(client)
            assert client.read_head().status == 200
            body, ended = read_stream(client)
    assert (body, ended) == (content, False)


def test_a_stream_of_known_length_just_breaks(bench: Workbench) -> None:
    worker = bench.recording_worker(StandingWorker(HEAD_LENGTH + EVENT))
    with limited(bench, worker.url, "stream_idle") as proxy, RawConnection(proxy.port) as client:
        with lasting(LIMIT):
            send(client)
            assert client.read_head().header("content-length") == "1000"
            try:
                received = client.read_to_end()
            except ConnectionResetError:
                return
    assert received == EVENT


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("pieces", [(), (SSE_HEAD,) + (chunk(EVENT),) * 100], ids=["before the answer", "in the stream"])
def test_the_limit_of_the_whole_request_fires_however_busy_the_worker_is(
    bench: Workbench, scope: str, pieces: tuple[bytes, ...]
) -> None:
    standing = StandingWorker(*pieces, seconds_between=0.05)
    worker = bench.recording_worker(standing)
    with limited(bench, worker.url, "request", scope) as proxy, RawConnection(proxy.port) as client:
        with lasting(LIMIT):
            send(client)
            answer = client.read_head()
            if not pieces:
                answer.body = client.read_exactly(int(answer.header("content-length") or 0))
                assert_error(answer, 504)
            else:
                body, ended = read_stream(client)
        if pieces:
            assert answer.status == 200 and not ended
            assert last_event(body)["error"]["message"]


# None of them fires for one that is only slow.


@pytest.mark.parametrize("name", ["stream_idle", "first_byte", "connect", "queue"])
def test_a_slow_stream_that_lives_outlasts_every_limit_but_that_of_the_whole(bench: Workbench, name: str) -> None:
    events = [chunk(EVENT)] * 6
    worker = bench.recording_worker(StandingWorker(SSE_HEAD, *events, DONE, seconds_between=LIMIT / 3, ends=True))
    with limited(bench, worker.url, name) as proxy, RawConnection(proxy.port) as client:
        started = time.monotonic()
        send(client)
        assert client.read_head().status == 200
        body, ended = read_stream(client)
        assert time.monotonic() - started > 1.5 * LIMIT, "the stream was not slow"
        assert ended and body == EVENT * 6 + b"data: [DONE]\n\n"
        assert client.ask("GET", "/health").status == 200


@pytest.mark.parametrize("name", ["stream_idle", "connect", "queue", "upload_idle", "head", "keep_alive"])
def test_a_long_think_time_is_the_business_of_no_other_limit(bench: Workbench, name: str) -> None:
    worker = bench.recording_worker(StandingWorker(response_bytes("{}"), seconds_between=2 * LIMIT, ends=True))
    with limited(bench, worker.url, name) as proxy, RawConnection(proxy.port) as client:
        send(client)
        assert client.read_response().status == 200


def test_a_think_time_below_its_limit_passes(bench: Workbench) -> None:
    worker = bench.recording_worker(StandingWorker(response_bytes("{}"), seconds_between=LIMIT / 2, ends=True))
    with limited(bench, worker.url, "first_byte") as proxy, RawConnection(proxy.port) as client:
        for _ in range(3):
            send(client)
            assert client.read_response().status == 200


def test_an_idle_connection_to_a_worker_outlives_the_limits_of_the_request_before(bench: Workbench) -> None:
    worker = bench.recording_worker()
    with limited(bench, worker.url, "first_byte") as proxy, RawConnection(proxy.port) as client:
        send(client)
        assert client.read_response().status == 200
        time.sleep(2 * LIMIT)
        send(client)
        assert client.read_response().status == 200
    assert [request.connection for request in worker.routed("/v1/completions")] == [0, 0]


def test_the_limit_of_one_model_leaves_the_others_alone(bench: Workbench) -> None:
    slow = bench.recording_worker(StandingWorker(response_bytes("{}"), seconds_between=2 * LIMIT, ends=True))
    other = bench.recording_worker(StandingWorker(response_bytes("{}"), seconds_between=2 * LIMIT, ends=True))
    limits = {"first_byte_timeout_milliseconds": int(LIMIT * 1000)}
    with serving(bench, slow.url, other.url, models={MODEL: {"timeouts": limits}},
                 served={slow.url: MODEL, other.url: "other"}) as (_, proxy), RawConnection(proxy.port) as client:
        send(client, body=b'{"model":"other"}')
        assert client.read_response().status == 200
        send(client)
        assert client.read_response().status == 504
