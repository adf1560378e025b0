"""The limits on what one request and one listener may hold: each is a setting, each has its own answer."""

import json
import threading
from collections.abc import Iterator

import pytest

from support.fleet import DataPlane, Workbench
from support.limits import limit
from support.raw_http import RawConnection, Response
from support.recording_worker import RecordedRequest, RecordingWorker, WorkerConnection, response_bytes
from support.scripted_control_plane import document, serving
from support.waiting import wait_for

SETTINGS = {
    "request_line_bytes_max": 1500, "head_bytes_max": 3000, "fields_max": 20, "chunk_extension_bytes_max": 100,
    "payload_bytes_max": 5000,
}
DEFAULTS = {
    "request_line_bytes_max": 16 * 1024, "head_bytes_max": 64 * 1024, "fields_max": 128, "chunk_extension_bytes_max": 4 * 1024,
    "payload_bytes_max": 512 * 1024 * 1024,
}
CHUNKED = b"POST /generate HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n"

Fleet = tuple[RecordingWorker, DataPlane, dict[str, int]]


@pytest.fixture(scope="module", params=["the defaults", "settings of their own"])
def fleet(request: pytest.FixtureRequest) -> Iterator[Fleet]:
    limits = DEFAULTS if request.param == "the defaults" else SETTINGS
    bench = Workbench()
    try:
        worker = bench.recording_worker(lambda connection, _: connection.send(response_bytes("ok")))
        with serving(bench, worker.url, settings=None if limits is DEFAULTS else limits) as (_, proxy):
            yield worker, proxy, limits
    finally:
        problems = bench.close()
    assert not problems, problems


def exchange(fleet: Fleet, data: bytes) -> Response:
    """One request; one that is refused must end its connection and reach no worker, one that is served must not."""
    worker, proxy, _ = fleet
    worker.requests.clear()
    with RawConnection(proxy.port, timeout=limit(5)) as client:
        client.send(data)
        response = client.read_response()
        served = [request for request in worker.requests if request.is_complete]
        if response.status == 200:
            assert len(served) == 1
            assert client.ask("GET", "/health").status == 200
        else:
            assert not served
            assert json.loads(response.body)["error"]["message"]
            assert client.ends()
    return response


@pytest.mark.parametrize(("over", "status"), [(0, 200), (1, 414)])
def test_a_request_line(fleet: Fleet, over: int, status: int) -> None:
    target = b"GET /get_model_info? HTTP/1.1"
    padding = b"a" * (fleet[2]["request_line_bytes_max"] - len(target) + over)
    data = target.replace(b"? ", b"?%s " % padding) + b"\r\nHost: t\r\n\r\n"
    assert exchange(fleet, data).status == status


@pytest.mark.parametrize(("over", "status"), [(0, 200), (1, 431)])
def test_the_bytes_of_a_head(fleet: Fleet, over: int, status: int) -> None:
    head = b"GET /get_model_info HTTP/1.1\r\nHost: t\r\nX-A: \r\n\r\n"
    padding = b"a" * (fleet[2]["head_bytes_max"] - len(head) + over)
    assert exchange(fleet, head.replace(b"X-A: ", b"X-A: " + padding)).status == status


@pytest.mark.parametrize(("over", "status"), [(0, 200), (1, 431)])
def test_the_fields_of_a_head(fleet: Fleet, over: int, status: int) -> None:
    fields = b"".join(b"X-%d: a\r\n" % number for number in range(fleet[2]["fields_max"] - 1 + over))
    assert exchange(fleet, b"GET /get_model_info HTTP/1.1\r\nHost: t\r\n" + fields + b"\r\n").status == status


@pytest.mark.parametrize(("over", "status"), [(0, 200), (20, 400)])
def test_the_extensions_of_all_chunks_together(fleet: Fleet, over: int, status: int) -> None:
    half = (fleet[2]["chunk_extension_bytes_max"] + over) // 2
    piece = b"1;%s\r\nx\r\n" % (b"a" * (half - 1))
    assert exchange(fleet, CHUNKED + piece + piece + b"0\r\n\r\n").status == status


def test_a_body_over_the_limit_is_refused_before_it_is_sent(fleet: Fleet) -> None:
    length = fleet[2]["payload_bytes_max"] + 1
    response = exchange(fleet, b"POST /generate HTTP/1.1\r\nHost: t\r\nContent-Length: %d\r\n\r\n" % length)
    assert response.status == 413
    response = exchange(
        fleet, b"POST /generate HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n" % length
    )
    assert response.status == 413


def test_a_chunk_that_announces_too_much_is_refused_before_it_is_sent(fleet: Fleet) -> None:
    assert exchange(fleet, CHUNKED + b"%x\r\n" % (fleet[2]["payload_bytes_max"] + 1)).status == 413


def test_many_chunks_are_refused_when_they_pass_the_limit(bench: Workbench) -> None:
    worker = bench.recording_worker()
    with serving(bench, worker.url, settings={"payload_bytes_max": 5000}) as (_, proxy):
        with RawConnection(proxy.port) as client:
            client.send(CHUNKED + (b"3e8\r\n%s\r\n" % (b"x" * 1000)) * 5 + b"0\r\n\r\n")
            assert client.read_response().status == 200
            client.send(CHUNKED + (b"3e8\r\n%s\r\n" % (b"x" * 1000)) * 5 + b"1\r\nx")
            assert client.read_response().status == 413


def test_connections_over_the_limit_are_served_when_others_leave(bench: Workbench) -> None:
    worker = bench.recording_worker()
    with serving(bench, worker.url, settings={"connections_max": 20}) as (plane, proxy):
        # The one of `serving`, that only saw whether the port listens, may still be counted.
        wait_for("no connection to be left", lambda: plane.heartbeats() and plane.heartbeats()[-1]["connections"] == 0)
        clients = [RawConnection(proxy.port) for _ in range(20)]
        for client in clients:
            assert client.ask("GET", "/health").status == 200
        with RawConnection(proxy.port, timeout=0.5) as late:
            late.send("GET /health HTTP/1.1\r\nHost: t\r\n\r\n")
            with pytest.raises(TimeoutError):
                late.read_response()
            for client in clients:
                assert client.ask("POST", "/generate", b"{}").status == 200, "open connections go on"
            count = len(plane.heartbeats())
            wait_for("another heartbeat", lambda: len(plane.heartbeats()) > count)
            assert plane.heartbeats()[-1]["connections"] == 20
            clients.pop().close()
            late.socket.settimeout(10)
            assert late.read_response().status == 200
        for client in clients:
            client.close()


def test_a_new_setting_counts_from_the_next_request_on(bench: Workbench) -> None:
    """And a request that has begun keeps the limits it began with or gets the new ones, but ends either way."""
    release = threading.Event()

    def respond(connection: WorkerConnection, request: RecordedRequest) -> None:
        if request.body == b"wait":
            release.wait(10)
        connection.send(response_bytes("ok"))

    worker = bench.recording_worker(respond)
    with serving(bench, worker.url) as (plane, proxy), RawConnection(proxy.port) as first, RawConnection(proxy.port) as client:
        first.send("POST /generate HTTP/1.1\r\nHost: t\r\nContent-Length: 4\r\n\r\nwait")
        wait_for("the request to reach the worker", lambda: worker.routed("/generate"))
        assert client.ask("POST", "/generate", b"x" * 100).status == 200
        assert plane.publish(document(2, (worker.url,), settings={"payload_bytes_max": 50}))["type"] == "ack"
        assert client.ask("POST", "/generate", b"x" * 50).status == 200
        assert client.ask("POST", "/generate", b"x" * 51).status == 413
        release.set()
        assert first.read_response().body == b"ok"


