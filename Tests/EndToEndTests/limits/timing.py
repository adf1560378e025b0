"""What the tests of time limits share: a stopwatch with bounds, requests, and workers that stand still."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from support.limits import limit
from support.raw_http import RawConnection, Response
from support.recording_worker import RecordedRequest, WorkerConnection

MODEL = "slow"
REQUEST = json.dumps({"model": MODEL, "stream": True, "prompt": "x"}).encode()

SSE_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
EVENT = b'data: {"n":1}\n\n'

# How much later than its limit an answer may come: timers are coarse, and machines busy.
SPARE_SECONDS = 1.5


@contextmanager
def lasting(seconds: float) -> Iterator[None]:
    """Fails unless the block takes `seconds`, hardly less and not much more."""
    started = time.monotonic()
    yield
    elapsed = time.monotonic() - started
    assert elapsed >= 0.9 * seconds, f"it fired after {elapsed:.2f} s, before its {seconds} s were over"
    assert elapsed <= seconds + limit(SPARE_SECONDS), f"it fired after {elapsed:.2f} s, long after its {seconds} s"


def send(connection: RawConnection, path: str = "/v1/completions", body: bytes = REQUEST, method: str = "POST") -> None:
    connection.send(b"%s %s HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
                    % (method.encode(), path.encode(), len(body), body))


def assert_error(response: Response, status: int) -> None:
    assert response.status == status, (response.status, response.body)
    assert json.loads(response.body)["error"]["message"]


def read_stream(connection: RawConnection) -> tuple[bytes, bool]:
    """The bytes of a chunked body until the connection ends, and whether the last chunk came."""
    received = b""
    try:
        while chunk := connection.read_chunk():
            received += chunk
        return received, True
    except (EOFError, ConnectionError):
        return received, False


class StandingWorker:
    """Sends what it is told to, stands still, and notes when the router has closed its connection."""

    def __init__(self, *pieces: bytes, seconds_between: float = 0, ends: bool = False):
        self.pieces, self.seconds_between, self.ends = pieces, seconds_between, ends
        self.was_left = threading.Event()

    def __call__(self, connection: WorkerConnection, _: RecordedRequest) -> bool | None:
        for piece in self.pieces:
            time.sleep(self.seconds_between)
            connection.send(piece)
        if self.ends:
            return None
        if connection.wait_for_end():
            self.was_left.set()
        return False


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)
