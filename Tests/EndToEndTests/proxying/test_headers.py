"""End-to-end headers pass in both directions; hop-by-hop ones stay on their hop."""

from support.fleet import Workbench
from support.raw_http import RawConnection, ask
from support.recording_worker import response_bytes

END_TO_END = {
    "Authorization": "Bearer sk-test", "Accept-Encoding": "gzip, br", "Accept": "text/event-stream",
    "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "tracestate": "a=b",
    "User-Agent": "test/1", "Cookie": "a=b; c=d", "X-Request-Id": "r-1", "X-SMG-Routing-Key": "k", "X-Custom": "v",
    "Content-Type": "application/json; charset=utf-8", "If-None-Match": '"e"',
}
HOP_BY_HOP = {
    "Keep-Alive": "timeout=5", "Proxy-Connection": "keep-alive", "TE": "trailers", "Trailer": "X-Sum",
    "Upgrade": "h2c", "Proxy-Authorization": "Basic eDp5", "X-Private": "only for this hop",
}


def test_end_to_end_headers_reach_the_worker_and_hop_by_hop_ones_do_not(bench: Workbench) -> None:
    worker = bench.recording_worker()
    _, proxy = bench.wired(worker.url)
    headers = END_TO_END | HOP_BY_HOP | {"Connection": "keep-alive, X-Private, Upgrade, TE"}
    assert ask(proxy.port, "POST", "/v1/chat/completions", b'{"model":"recorded"}', headers).status == 200
    request = worker.routed("/v1/chat/completions")[0]
    for name, value in END_TO_END.items():
        assert request.all(name) == [value], name
    for name in HOP_BY_HOP:
        assert request.all(name) == [], name
    assert request.all("content-length") == ["20"] and not request.all("transfer-encoding")
    assert request.header("connection") in (None, "keep-alive")


def test_a_header_that_comes_twice_arrives_twice_in_order(bench: Workbench) -> None:
    worker = bench.recording_worker()
    _, proxy = bench.wired(worker.url)
    with RawConnection(proxy.port) as connection:
        connection.send("POST /generate HTTP/1.1\r\nHost: t\r\nX-A: 1\r\nX-B: \tspaced  \r\nX-A: 2\r\nContent-Length: 2\r\n\r\n{}")
        assert connection.read_response().status == 200
    request = worker.routed("/generate")[0]
    assert request.all("x-a") == ["1", "2"] and request.all("x-b") == ["spaced"]


def test_headers_of_the_worker_are_relayed(bench: Workbench) -> None:
    def respond(connection, request) -> None:
        connection.send(response_bytes(
            b"\x1f\x8b", content_type="application/x-thing",
            headers=("X-Worker: seven", "Content-Encoding: gzip", "Set-Cookie: a=1", "Set-Cookie: b=2",
                     "Connection: keep-alive, X-Hop", "X-Hop: private", "Keep-Alive: timeout=5"),
        ))

    worker = bench.recording_worker(respond)
    _, proxy = bench.wired(worker.url)
    answer = ask(proxy.port, "POST", "/generate", b"{}")
    assert answer.header("content-type") == "application/x-thing"
    assert answer.header("x-worker") == "seven" and answer.header("content-encoding") == "gzip"
    assert answer.all("set-cookie") == ["a=1", "b=2"]
    assert answer.header("x-hop") is None and answer.header("keep-alive") is None
    assert answer.body == b"\x1f\x8b"


def test_informing_gets_forward_headers_too(bench: Workbench) -> None:
    worker = bench.recording_worker()
    _, proxy = bench.wired(worker.url)
    assert ask(proxy.port, "GET", "/get_server_info", headers={"Authorization": "Bearer t"}).status == 200
    assert worker.routed("/get_server_info")[0].header("authorization") == "Bearer t"
