"""JSON that is made to hurt is answered at once, and JSON that is only odd passes."""

import gzip
import json
import threading
import time
from collections.abc import Iterator

import pytest

from support.fleet import DataPlane, Workbench
from support.limits import limit
from support.measurements import percentile
from support.raw_http import RawConnection, Response
from support.recording_worker import RecordingWorker, response_bytes
from support.scripted_control_plane import serving

SECONDS_MAX = 2
JSON = {"Content-Type": "application/json"}
DEEP = 100_000


def text(content: bytes) -> bytes:
    return b'{"model":"red","prompt":"%s"}' % content


BOMBS = {
    "arrays-100000-deep": b"[" * DEEP + b"]" * DEEP,
    "arrays-that-never-close": b"[" * DEEP,
    "objects-100000-deep": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "a-deep-value-behind-the-model": b'{"model":"red","a":' + b"[" * DEEP + b"]" * DEEP + b"}",
    "129-deep": b'{"model":"red","a":' + b"[" * 128 + b"]" * 128 + b"}",
    "model-twice": b'{"model":"red","model":"blue"}',
    "model-twice-the-same": b'{"model":"red","model":"red"}',
    "model-twice-once-escaped": b'{"model":"red","mod\\u0065l":"blue"}',
    "model-twice-both-escaped": b'{"\\u006dodel":"red","\\u006Dodel":"blue"}',
    "model-twice-far-apart": b'{"model":"red","prompt":"' + b"x" * 500_000 + b'","model":"blue"}',
    "NaN": b'{"model":"red","n":NaN}',
    "Infinity": b'{"model":"red","n":-Infinity}',
    "leading-zero": b'{"model":"red","n":01}',
    "hexadecimal": b'{"model":"red","n":0x1}',
    "single-quotes": b"{'model':'red'}",
    "comment": b'{"model":"red"/**/}',
    "trailing-comma": b'{"model":"red",}',
    "two-values": b'{"model":"red"}{"model":"blue"}',
    "byte-order-mark": b'\xef\xbb\xbf{"model":"red"}',
    "utf-16": '{"model":"red"}'.encode("utf-16"),
    "raw-line-feed-in-text": text(b"a\nb"),
    "raw-NUL-in-text": text(b"a\0b"),
    "NUL-behind": b'{"model":"red"}\0',
    "bad-escape": text(b"\\x41"),
    "half-an-escape": text(b"\\u12"),
    "lone-continuation": text(b"\x80"),
    "overlong-slash": text(b"\xc0\xaf"),
    "overlong-three-bytes": text(b"\xe0\x80\xaf"),
    "overlong-four-bytes": text(b"\xf0\x80\x80\xaf"),
    "surrogate-in-utf-8": text(b"\xed\xa0\x80"),
    "past-U+10FFFF": text(b"\xf4\x90\x80\x80"),
    "five-byte-form": text(b"\xf8\x88\x80\x80\x80"),
    "cut-character": text(b"\xe2\x82"),
    "byte-FE": text(b"\xfe"),
    "only-white-space": b" \r\n\t",
    # A body that says that it is JSON is judged as it is sent: nobody here unpacks it, and an engine would not either.
    "gzip": gzip.compress(b'{"model":"red"}'),
}
ODD = {
    "128-deep": b'{"model":"red","a":' + b"[" * 127 + b"]" * 127 + b"}",
    "a-megabyte-of-text": text(b"x" * (1 << 20)),
    "a-megabyte-of-escapes": text(b"\\n" * (1 << 19)),
    "lone-surrogates": text(b"\\ud800 \\udc00 \\udfff\\ud800"),
    "huge-integer": b'{"model":"red","n":' + b"9" * 100_000 + b"}",
    "huge-exponent": b'{"model":"red","n":-1.5e+999999999}',
    "tiny-exponent": b'{"model":"red","n":1E-999999999}',
    "escaped-model-key": b'{"mod\\u0065l":"red"}',
    "escaped-model-value": b'{"model":"\\u0072ed"}',
    "model-again-deeper": b'{"model":"red","a":{"model":"blue","model":"x"},"b":[{"model":1}]}',
    "escaped-NUL": text(b"\\u0000"),
    "noncharacters": text("\uffff\U0010ffff".encode()),
    "white-space-around": b"\r\n\t " + text(b"x") + b" \t\r\n",
    "empty-keys": b'{"":1,"":2,"model":"red"}',
    "100000-keys": b"{" + b"".join(b'"k%d":%d,' % (number, number) for number in range(100_000)) + b'"model":"red"}',
    "1000000-keys": b"{" + b"".join(b'"%x":1,' % number for number in range(1_000_000)) + b'"model":"red"}',
    "the-same-key-200000-times": b"{" + b'"a":1,' * 200_000 + b'"model":"red"}',
}
Fleet = tuple[dict[str, RecordingWorker], DataPlane]


@pytest.fixture(scope="module")
def fleet() -> Iterator[Fleet]:
    """Two models, so that every body is read for its own."""
    bench = Workbench()
    try:
        workers = {model: bench.recording_worker(
            lambda connection, _, model=model: connection.send(response_bytes(model)), model=model
        ) for model in ("red", "blue")}
        served = {worker.url: model for model, worker in workers.items()}
        with serving(bench, *served, served=served) as (_, proxy):
            yield workers, proxy
            proxy.expect_running()
    finally:
        problems = bench.close()
    assert not problems, problems


def ask_in_time(port: int, body: bytes, headers: dict[str, str]) -> Response:
    with RawConnection(port) as client:
        started = time.monotonic()
        response = client.ask("POST", "/v1/completions", body, headers)
        assert time.monotonic() - started < limit(SECONDS_MAX), "it took too long"
    return response


@pytest.mark.parametrize("name", list(BOMBS))
def test_what_is_no_json_is_400_at_once(fleet: Fleet, name: str) -> None:
    workers, proxy = fleet
    before = sum(len(worker.requests) for worker in workers.values())
    headers = JSON | ({"Content-Encoding": "gzip"} if name == "gzip" else {})
    response = ask_in_time(proxy.port, BOMBS[name], headers)
    assert response.status == 400, response.body
    assert json.loads(response.body)["error"]["message"]
    assert sum(len(worker.requests) for worker in workers.values()) == before, "a worker saw it"


@pytest.mark.parametrize("name", list(ODD))
def test_what_is_only_odd_reaches_the_worker_unchanged(fleet: Fleet, name: str) -> None:
    workers, proxy = fleet
    workers["red"].requests.clear()
    response = ask_in_time(proxy.port, ODD[name], JSON)
    assert (response.status, response.body) == (200, b"red")
    assert workers["red"].routed("/v1/completions")[0].body == ODD[name]


def test_others_are_unharmed_meanwhile(fleet: Fleet) -> None:
    _, proxy = fleet
    stopping = threading.Event()
    sent: list[int] = []

    def throw() -> None:
        bombs = [BOMBS["objects-100000-deep"], BOMBS["model-twice-far-apart"], ODD["1000000-keys"], ODD["a-megabyte-of-escapes"]]
        while not stopping.is_set():
            for bomb in bombs:
                with RawConnection(proxy.port) as client:
                    sent.append(client.ask("POST", "/v1/completions", bomb, JSON).status)

    thread = threading.Thread(target=throw)
    thread.start()
    times = []
    try:
        with RawConnection(proxy.port) as client:
            for _ in range(200):
                started = time.monotonic()
                assert client.ask("POST", "/v1/completions", b'{"model":"blue"}', JSON).body == b"blue"
                times.append(time.monotonic() - started)
                time.sleep(0.005)
    finally:
        stopping.set()
        thread.join(20)
    assert len(sent) >= 4 and set(sent) == {200, 400}
    assert percentile(times, 99) < limit(0.2), f"p99 {percentile(times, 99) * 1000:.0f} ms"
