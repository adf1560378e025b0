"""A hundred clients that read long streams slowly cost a data plane what their buffers hold, not what they have not read."""

import selectors
import socket
import threading
import time

import pytest

from support.fleet import Workbench
from support.measurements import record
from support.processes import resident_bytes, resident_bytes_peak
from support.raw_http import RawConnection
from support.scripted_control_plane import serving

NAME = "limits/test_slow_readers.py"
READERS = 100
STREAM_BYTES = 20 << 20
BYTES_PER_SECOND = 50_000
BYTES_PER_READER_MAX = 100_000
EVENT = b"data: " + b"x" * 1000 + b"\n\n"
REQUEST = b"POST /generate HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\n\r\n{}"


class Firehose:
    """Answers every request with a stream of 20 MB, as fast as it is taken."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        block = EVENT * 64
        self.block = b"%x\r\n%s\r\n" % (len(block), block)
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> "Firehose":
        return self

    def __exit__(self, *_: object) -> None:
        self.listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._stream, args=(connection,), daemon=True).start()

    def _stream(self, connection: socket.socket) -> None:
        try:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
            for _ in range(STREAM_BYTES // len(self.block)):
                connection.sendall(self.block)
            connection.sendall(b"0\r\n\r\n")
        except OSError:
            return
        finally:
            connection.close()


class SlowReaders:
    """Clients that read 50 KB a second each, with receive buffers that do not take much more."""

    def __init__(self, port: int):
        self.clients = [RawConnection(port, receive_buffer=16384) for _ in range(READERS)]
        for client in self.clients:
            client.send(REQUEST)
        self.received = 0

    def read_for(self, seconds: float) -> None:
        ends, pace = time.monotonic() + seconds, 0.1
        with selectors.DefaultSelector() as selector:
            for client in self.clients:
                client.socket.setblocking(False)
                selector.register(client.socket, selectors.EVENT_READ)
            while time.monotonic() < ends:
                begun = time.monotonic()
                for key, _ in selector.select(0):
                    data = key.fileobj.recv(int(BYTES_PER_SECOND * pace))
                    assert data, "a stream was cut"
                    self.received += len(data)
                time.sleep(max(0.0, pace - (time.monotonic() - begun)))

    def close(self) -> None:
        for client in self.clients:
            client.close()


@pytest.mark.measured
def test_100_slow_readers_of_20_mb_streams_cost_less_than_a_tenth_of_a_megabyte_each(bench: Workbench) -> None:
    with Firehose() as worker, serving(bench, worker.url) as (_, proxy):
        with RawConnection(proxy.port) as client:
            assert client.ask("GET", "/health").status == 200
        before = resident_bytes(proxy.pid)
        readers = SlowReaders(proxy.port)
        readers.read_for(8)
        grown = resident_bytes_peak(proxy.pid) - before
        assert readers.received > READERS * BYTES_PER_SECOND * 4, "the streams did not flow"
        readers.close()
    record("100 readers at 50 KB/s of 20 MB streams", "resident memory for each", grown / READERS / 1e6, "MB", "0.1", NAME)
    assert grown / READERS < BYTES_PER_READER_MAX
