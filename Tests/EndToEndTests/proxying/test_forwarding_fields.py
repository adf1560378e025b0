"""What the proxy says about itself and its client: Via and X-Forwarded-*, as the settings want it."""

import socket
from contextlib import ExitStack
from ipaddress import ip_address

import pytest

from support.fleet import Workbench
from support.raw_http import RawConnection, ask
from support.recording_worker import RecordedRequest, RecordingWorker, WorkerConnection, response_bytes
from support.scripted_control_plane import serving

CAME = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https"}
HERE = "127.0.0.1"


def seen(worker: RecordingWorker) -> RecordedRequest:
    return worker.routed("/generate")[-1]


@pytest.mark.parametrize(("word", "came", "addresses", "protocols"), [
    (None, {}, [HERE], ["http"]),
    (None, CAME, [f"203.0.113.7, {HERE}"], ["https"]),
    ("append", {}, [HERE], ["http"]),
    ("append", CAME, [f"203.0.113.7, {HERE}"], ["https"]),
    ("replace", {}, [HERE], ["http"]),
    ("replace", CAME, [HERE], ["http"]),
    ("remove", {}, [], []),
    ("remove", CAME, [], []),
    ("pass", {}, [], []),
    ("pass", CAME, ["203.0.113.7"], ["https"]),
])
def test_forwarded_fields(
    bench: Workbench, word: str | None, came: dict[str, str], addresses: list[str], protocols: list[str]
) -> None:
    worker = bench.recording_worker()
    settings = {"forwarded_fields": word} if word else None
    with serving(bench, worker.url, settings=settings) as (_, proxy):
        assert ask(proxy.port, "POST", "/generate", b"{}", came).status == 200
    assert seen(worker).all("x-forwarded-for") == addresses
    assert seen(worker).all("x-forwarded-proto") == protocols


def test_several_fields_that_came_become_one_list_in_their_order(bench: Workbench) -> None:
    worker = bench.recording_worker()
    with serving(bench, worker.url) as (_, proxy), RawConnection(proxy.port) as client:
        client.send("POST /generate HTTP/1.1\r\nHost: t\r\nX-Forwarded-For: 192.0.2.1\r\nContent-Length: 0\r\n"
                    "X-Forwarded-For: 192.0.2.2, 192.0.2.3\r\n\r\n")
        assert client.read_response().status == 200
    values = ", ".join(seen(worker).all("x-forwarded-for"))
    assert values == f"192.0.2.1, 192.0.2.2, 192.0.2.3, {HERE}"


def test_a_client_cannot_nominate_away_what_the_proxy_says(bench: Workbench) -> None:
    worker = bench.recording_worker()
    with serving(bench, worker.url) as (_, proxy):
        headers = CAME | {"Via": "1.1 other", "Connection": "X-Forwarded-For, X-Forwarded-Proto, Via"}
        assert ask(proxy.port, "POST", "/generate", b"{}", headers).status == 200
    assert ", ".join(seen(worker).all("x-forwarded-for")).endswith(HERE)
    assert seen(worker).all("x-forwarded-proto") == ["http"]
    assert ", ".join(seen(worker).all("via")).endswith("1.1 signalbox")


def test_an_ipv6_client_is_named_by_its_address(bench: Workbench) -> None:
    worker = bench.recording_worker()
    with ExitStack() as stack:
        _, proxy = stack.enter_context(serving(bench, worker.url, host="::"))
        with socket.create_connection(("::1", proxy.port), timeout=10) as client:
            client.sendall(b"POST /generate HTTP/1.1\r\nHost: t\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
            assert client.recv(4096).startswith(b"HTTP/1.1 200")
        named = seen(worker).all("x-forwarded-for")
        assert len(named) == 1 and ip_address(named[0]) == ip_address("::1"), named
        # An IPv4 client of the same listener is an IPv4 address, not one mapped into IPv6.
        assert ask(proxy.port, "POST", "/generate", b"{}").status == 200
        assert seen(worker).all("x-forwarded-for") == [HERE]


@pytest.mark.parametrize(("name", "came", "via"), [
    (None, None, "1.1 signalbox"), (None, "1.0 fred, 1.1 p.example", "1.0 fred, 1.1 p.example, 1.1 signalbox"),
    ("edge-1", None, "1.1 edge-1"), ("", None, ""), ("", "1.0 fred", "1.0 fred"),
])
def test_via(bench: Workbench, name: str | None, came: str | None, via: str) -> None:
    worker = bench.recording_worker()
    with serving(bench, worker.url, settings=None if name is None else {"via": name}) as (_, proxy):
        assert ask(proxy.port, "POST", "/generate", b"{}", {"Via": came} if came else None).status == 200
    assert ", ".join(seen(worker).all("via")) == via


def test_via_names_the_version_in_which_the_request_came(bench: Workbench) -> None:
    worker = bench.recording_worker()
    with serving(bench, worker.url) as (_, proxy), RawConnection(proxy.port) as client:
        client.send("POST /generate HTTP/1.0\r\nContent-Length: 0\r\n\r\n")
        assert client.read_response().status == 200
    assert seen(worker).all("via") == ["1.0 signalbox"]


def test_a_request_that_goes_round_is_ended(bench: Workbench) -> None:
    worker = bench.recording_worker()
    with serving(bench, worker.url) as (_, proxy):
        round_trips = ", ".join(["1.1 signalbox"] * 20)
        assert ask(proxy.port, "POST", "/generate", b"{}", {"Via": round_trips}).status == 508
        assert ask(proxy.port, "POST", "/generate", b"{}", {"Via": "1.1 signalbox, 1.1 other"}).status == 200


@pytest.mark.parametrize("word", [None, "abort", "allow"])
def test_a_client_that_ends_its_sending_side(bench: Workbench, word: str | None) -> None:
    """By default it has gone, and its worker's connection ends at once; where it is allowed it gets its answer."""
    def respond(connection: WorkerConnection, request: RecordedRequest) -> bool | None:
        if word != "allow":
            ended.append(connection.wait_for_end(10))
            return False
        connection.send(response_bytes(request.body))
        return None

    ended: list[float | None] = []
    worker = bench.recording_worker(respond)
    with serving(bench, worker.url, settings={"half_close": word} if word else None) as (_, proxy):
        with RawConnection(proxy.port) as client:
            client.send("POST /generate HTTP/1.1\r\nHost: t\r\nContent-Length: 4\r\n\r\nbody")
            client.socket.shutdown(socket.SHUT_WR)
            received = client.read_to_end()
    if word == "allow":
        assert received.startswith(b"HTTP/1.1 200") and received.endswith(b"body")
    else:
        assert received == b""
        assert not ended or ended[0], "the worker goes on working for a client that has gone"


def test_a_half_closed_client_gets_a_whole_stream_and_then_an_end(bench: Workbench) -> None:
    def respond(connection: WorkerConnection, _: RecordedRequest) -> None:
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        for number in range(20):
            connection.send_chunk(b"data: %d\n\n" % number)
        connection.send(b"0\r\n\r\n")

    worker = bench.recording_worker(respond)
    with serving(bench, worker.url, settings={"half_close": "allow"}) as (_, proxy), RawConnection(proxy.port) as client:
        client.send("POST /generate HTTP/1.1\r\nHost: t\r\nContent-Length: 4\r\n\r\nbody")
        client.socket.shutdown(socket.SHUT_WR)
        response = client.read_response()
        assert response.is_complete and response.body.count(b"data: ") == 20
        assert client.ends(), "a client that can send no further request is kept"
        assert client.buffer == b""
