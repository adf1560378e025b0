"""Bodies pass byte for byte, however they are framed."""

import hashlib
import json
import os
import socket
import threading
import time

import pytest

from support.fleet import Workbench
from support.measurements import record
from support.processes import resident_bytes_peak
from support.raw_http import RawConnection
from support.recording_worker import RecordedRequest, WorkerConnection, response_bytes

MEGABYTE = 1 << 20
RESIDENT_BYTES_MAX = 40 * MEGABYTE

ODD_JSON = [
    b' \r\n{ "model" : "recorded" ,\t"n":1.0,"n2":1e0, "t":0.10000000000000000001, "unknown":{"deep":[[]]}} \n',
    '{"model":"recorded","text":"é \\u00e9 \\ud83d\\ude00 \U0001f600"}'.encode(),
    b'{"model":"recorded","lone":"\\ud800"}',
    b'{"z":1,"a":2,"model":"recorded"}',
    b'{"model":"recorded","big":123456789012345678901234567890}',
]


@pytest.mark.parametrize("body", ODD_JSON)
def test_json_reaches_the_worker_as_it_was_written(bench: Workbench, body: bytes) -> None:
    worker = bench.recording_worker()
    _, proxy = bench.wired(worker.url)
    with RawConnection(proxy.port) as connection:
        assert connection.ask("POST", "/v1/chat/completions", body).status == 200
    assert worker.routed("/v1/chat/completions")[0].body == body


@pytest.mark.parametrize("body", [b'{"model":"a"', b'\xff\xfe', b'{"model":"a","model":"b"}', b"[" * 200 + b"]" * 200,
                                  b'{"model":"\xc3"}'])
def test_what_is_no_json_is_refused_on_openai_paths(bench: Workbench, body: bytes) -> None:
    worker = bench.recording_worker()
    _, proxy = bench.wired(worker.url)
    with RawConnection(proxy.port) as connection:
        answer = connection.ask("POST", "/v1/chat/completions", body, {"Content-Type": "application/json"})
        assert answer.status == 400
        assert json.loads(answer.body)["error"]["message"]
        assert connection.ask("GET", "/health").status == 200
    assert not worker.routed("/v1/chat/completions")


def test_generate_forwards_any_bytes(bench: Workbench) -> None:
    worker = bench.recording_worker(lambda connection, request: connection.send(response_bytes(request.body)))
    _, proxy = bench.wired(worker.url)
    body = bytes(range(256)) * 5
    with RawConnection(proxy.port) as connection:
        assert connection.ask("POST", "/generate", body).body == body
        assert connection.ask("POST", "/generate", b"").body == b""
    assert worker.routed("/generate")[0].body == body


def test_a_chunked_request_arrives_whole(bench: Workbench) -> None:
    worker = bench.recording_worker(lambda connection, request: connection.send(response_bytes(request.body)))
    _, proxy = bench.wired(worker.url)
    with RawConnection(proxy.port) as connection:
        connection.send("POST /generate HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n")
        for piece in (b"a", b"bc" * 1000, b"\r\n0\r\n\r\n", b"d" * 70_000):
            connection.send(b"%x\r\n%s\r\n" % (len(piece), piece))
        connection.send("0\r\nX-Trailer: t\r\n\r\n")
        expected = b"a" + b"bc" * 1000 + b"\r\n0\r\n\r\n" + b"d" * 70_000
        assert connection.read_response().body == expected
        assert connection.ask("POST", "/generate", b"next").body == b"next"
    assert worker.routed("/generate")[0].body == expected


@pytest.mark.parametrize("framing", ["chunked", "length", "until close"])
def test_a_response_arrives_whole_however_it_is_framed(bench: Workbench, framing: str) -> None:
    body = os.urandom(300_000)

    def respond(connection: WorkerConnection, request: RecordedRequest) -> bool | None:
        if framing == "chunked":
            connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for start in range(0, len(body), 70_001):
                connection.send_chunk(body[start:start + 70_001])
            connection.send(b"0\r\n\r\n")
        elif framing == "length":
            connection.send(response_bytes(body))
        else:
            connection.send(b"HTTP/1.1 200 OK\r\n\r\n" + body)
            return False
        return None

    worker = bench.recording_worker(respond)
    _, proxy = bench.wired(worker.url)
    with RawConnection(proxy.port) as connection:
        for _ in range(2):
            answer = connection.ask("POST", "/generate", b"{}")
            assert answer.is_complete and answer.body == body


def test_pipelined_requests_are_answered_in_order(bench: Workbench) -> None:
    worker = bench.recording_worker(lambda connection, request: connection.send(response_bytes(request.body)))
    _, proxy = bench.wired(worker.url)
    with RawConnection(proxy.port) as connection:
        requests = []
        for number in range(20):
            body = b"body %d" % number
            requests.append(b"POST /generate HTTP/1.1\r\nHost: t\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        connection.send(b"".join(requests))
        for number in range(20):
            assert connection.read_response().body == b"body %d" % number


def test_a_request_sent_byte_by_byte_arrives(bench: Workbench) -> None:
    worker = bench.recording_worker(lambda connection, request: connection.send(response_bytes(request.body)))
    _, proxy = bench.wired(worker.url)
    with RawConnection(proxy.port) as connection:
        for byte in b"POST /generate HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nhello":
            connection.send(bytes([byte]))
        assert connection.read_response().body == b"hello"


def test_expect_100_continue_is_answered_before_the_body(bench: Workbench) -> None:
    worker = bench.recording_worker(lambda connection, request: connection.send(response_bytes(request.body)))
    _, proxy = bench.wired(worker.url)
    with RawConnection(proxy.port) as connection:
        connection.send("POST /generate HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
        assert connection.read_response(interim=True).status == 100
        connection.send("body")
        answer = connection.read_response()
        assert (answer.status, answer.body) == (200, b"body")


def test_a_body_over_the_limit_is_refused_before_it_is_sent(bench: Workbench) -> None:
    worker = bench.recording_worker()
    plane = bench.control_plane("--max-payload-size", 1000)
    proxy = bench.data_plane(plane.control_socket)
    plane.admin.add_worker(worker.url)
    plane.admin.wait_until_applied(1)
    bench.wait_ready(proxy)
    with RawConnection(proxy.port) as connection:
        connection.send("POST /generate HTTP/1.1\r\nHost: t\r\nContent-Length: 1001\r\n\r\n")
        assert connection.read_response().status == 413
    with RawConnection(proxy.port) as connection:
        connection.send("POST /generate HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n")
        connection.send(b"3e9\r\n" + b"x" * 1001 + b"\r\n0\r\n\r\n")
        assert connection.read_response().status == 413
    with RawConnection(proxy.port) as connection:
        assert connection.ask("POST", "/generate", b"x" * 1000).status == 200
    assert all(len(request.body) <= 1000 for request in worker.routed("/generate") if request.is_complete)


def slow_read(connection: RawConnection, count: int) -> str:
    """Takes a megabyte, pauses, takes the next; returns the SHA-256 of what came."""
    total, checksum = 0, hashlib.sha256()
    time.sleep(1)
    while total < count:
        piece = connection.read_exactly(min(MEGABYTE, count - total))
        checksum.update(piece)
        total += len(piece)
        time.sleep(0.02)
    return checksum.hexdigest()


@pytest.mark.measured
@pytest.mark.parametrize("kind", ["any bytes", "JSON"])
def test_64_megabytes_up_and_down_pass_unchanged_in_little_memory(bench: Workbench, kind: str) -> None:
    path = "/generate" if kind == "any bytes" else "/v1/completions"
    if kind == "any bytes":
        body = os.urandom(64 * MEGABYTE)
    else:
        start, end = b'{"model":"recorded","prompt":"', b'"}'
        body = start + b"0123456789abcdef" * ((64 * MEGABYTE - len(start) - len(end)) // 16) + end
    checksum = hashlib.sha256(body).hexdigest()

    def respond(connection: WorkerConnection, request: RecordedRequest) -> None:
        connection.send(response_bytes(request.body))

    worker = bench.recording_worker(respond)
    _, proxy = bench.wired(worker.url)
    with RawConnection(proxy.port, timeout=60, receive_buffer=65536) as connection:
        head = f"POST {path} HTTP/1.1\r\nHost: t\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        sender = threading.Thread(target=connection.send, args=(head + body,))
        sender.start()
        response = connection.read_head()
        assert response.status == 200 and response.header("content-length") == str(len(body))
        received = slow_read(connection, len(body))
        sender.join(30)
    assert hashlib.sha256(worker.routed(path)[0].body).hexdigest() == checksum, "the upload was changed"
    assert received == checksum, "the response was changed"
    resident = resident_bytes_peak(proxy.pid)
    record("Large bodies", f"peak resident memory of a data plane, 64 MiB up and down ({kind}), slow reader",
           resident / MEGABYTE, "MiB", "40", "proxying/test_bodies.py")
    assert resident < RESIDENT_BYTES_MAX


def test_a_slow_reader_gets_the_whole_of_an_answer_that_ends_its_connection(bench: Workbench) -> None:
    """What is still queued when the worker is done takes longer to read than any lingering of the proxy."""
    worker = bench.worker()
    _, proxy = bench.wired(worker.url)
    total = MEGABYTE * 3 // 2
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
        client.connect(("127.0.0.1", proxy.port))
        client.sendall(b"POST /v1/blob?bytes=%d HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n" % total)
        received = 0
        while data := client.recv(16 * 1024):
            received += len(data)
            time.sleep(0.04)
    assert received > total
