"""Connections to workers are kept, and one that went stale costs no request."""

import threading

import pytest

from support.fleet import Workbench
from support.raw_http import RawConnection, ask
from support.recording_worker import RecordedRequest, WorkerConnection, response_bytes
from support.waiting import wait_for

OK = response_bytes("{}")


def test_one_connection_serves_many_requests(bench: Workbench) -> None:
    worker = bench.recording_worker(lambda connection, request: connection.send(OK))
    _, proxy = bench.wired(worker.url, flags=("--threads", 1))
    with RawConnection(proxy.port) as connection:
        for _ in range(50):
            assert connection.ask("POST", "/generate", b"{}").status == 200
    assert len({request.connection for request in worker.routed("/generate")}) == 1


def test_a_stale_pooled_connection_is_retried_on_a_fresh_one(bench: Workbench) -> None:
    """The worker closes while the router sends the next request: no byte of a response came, so it is safe."""
    drop_next = threading.Event()

    def respond(connection: WorkerConnection, request: RecordedRequest) -> bool | None:
        if drop_next.is_set() and request.connection == worker.routed("/generate")[0].connection:
            drop_next.clear()
            return False
        connection.send(OK)
        return None

    worker = bench.recording_worker(respond)
    _, proxy = bench.wired(worker.url, flags=("--threads", 1))
    with RawConnection(proxy.port) as connection:
        assert connection.ask("POST", "/generate", b"one").status == 200
        drop_next.set()
        assert connection.ask("POST", "/generate", b"two").status == 200
    assert [request.body for request in worker.routed("/generate")] == [b"one", b"two", b"two"]


def test_a_worker_that_closes_idle_connections_costs_no_request(bench: Workbench) -> None:
    def respond(connection: WorkerConnection, request: RecordedRequest) -> bool:
        connection.send(OK)
        return False

    worker = bench.recording_worker(respond)
    _, proxy = bench.wired(worker.url)
    with RawConnection(proxy.port) as connection:
        for _ in range(50):
            assert connection.ask("POST", "/generate", b"{}").status == 200


def test_a_request_that_a_fresh_connection_dropped_is_answered_with_an_error(bench: Workbench) -> None:
    worker = bench.recording_worker(lambda connection, request: False)
    _, proxy = bench.wired(worker.url)
    with RawConnection(proxy.port) as connection:
        answer = connection.ask("POST", "/v1/completions", b'{"model":"recorded"}')
        assert answer.status in (502, 503)
        assert b'"error"' in answer.body
        assert connection.ask("GET", "/health").status == 200


def test_a_worker_that_is_gone_gives_an_error_and_not_a_closed_connection(bench: Workbench) -> None:
    worker = bench.worker()
    _, proxy = bench.wired(worker.url)
    worker.kill()
    answer = ask(proxy.port, "POST", "/v1/completions", b'{"model":"simulated","prompt":"x"}')
    assert answer.status in (502, 503)
    assert b'"error"' in answer.body


@pytest.mark.parametrize("garbage", [
    b"not http at all\r\n\r\n", b"HTTP/1.1 200\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", b"HTTP/1.1 200 OK\r\nX: " + b"a" * 300_000,
    b"HTTP/1.1 99 Odd\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000,
])
def test_a_worker_that_breaks_the_protocol_is_answered_for_with_502(bench: Workbench, garbage: bytes) -> None:
    def respond(connection: WorkerConnection, request: RecordedRequest) -> bool:
        connection.send(garbage)
        connection.wait_for_end(5)
        return False

    worker = bench.recording_worker(respond)
    plane, proxy = bench.wired(worker.url)
    answer = ask(proxy.port, "POST", "/generate", b"{}")
    assert answer.status == 502
    plane.admin.wait_for_no_requests()


def test_bytes_after_a_response_are_never_given_to_the_next_client(bench: Workbench) -> None:
    def respond(connection: WorkerConnection, request: RecordedRequest) -> None:
        connection.send(OK + b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison")

    worker = bench.recording_worker(respond)
    _, proxy = bench.wired(worker.url, flags=("--threads", 1))
    for _ in range(10):
        answer = ask(proxy.port, "POST", "/generate", b"{}")
        assert (answer.status, answer.body) == (200, b"{}")
    requests = worker.routed("/generate")
    assert len({request.connection for request in requests}) == len(requests), "a poisoned connection was used again"


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_a_response_without_a_body_leaves_the_connection_usable(bench: Workbench, status: str) -> None:
    def respond(connection: WorkerConnection, request: RecordedRequest) -> None:
        connection.send(f"HTTP/1.1 {status}\r\n\r\n".encode())

    worker = bench.recording_worker(respond)
    _, proxy = bench.wired(worker.url)
    with RawConnection(proxy.port) as connection:
        for _ in range(3):
            assert connection.ask("POST", "/generate", b"{}").status == int(status[:3])


def test_interim_responses_of_the_worker_are_not_taken_for_the_final_one(bench: Workbench) -> None:
    def respond(connection: WorkerConnection, request: RecordedRequest) -> None:
        connection.send(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + OK)

    worker = bench.recording_worker(respond)
    _, proxy = bench.wired(worker.url)
    assert ask(proxy.port, "POST", "/generate", b"{}").status == 200


def test_no_connection_outlives_a_removed_worker_for_long(bench: Workbench) -> None:
    worker = bench.recording_worker(lambda connection, request: connection.send(OK))
    plane, proxy = bench.wired(worker.url)
    assert ask(proxy.port, "POST", "/generate", b"{}").status == 200
    used = worker.connections[worker.routed("/generate")[0].connection]
    plane.admin.remove_worker(worker.url)
    wait_for("the pooled connection to be closed", lambda: used.socket.fileno() == -1, seconds=5)
