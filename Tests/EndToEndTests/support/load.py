"""Closed-loop load: keep-alive clients on one event loop, each request's end written down."""

import asyncio
import threading
import time
from dataclasses import dataclass, field


def chat_request(stream: bool = False, max_tokens: int = 4) -> bytes:
    body = (
        b'{"model":"simulated","max_tokens":%d,"stream":%s,"messages":[{"role":"user","content":"hello"}]}'
        % (max_tokens, b"true" if stream else b"false")
    )
    return (
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
    )


SECONDS_BETWEEN_CLIENTS = 0.003


@dataclass
class Failure:
    at: float
    local_port: int
    why: str


@dataclass
class LoadResult:
    completed: int = 0
    failures: list[Failure] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)


class LoadGenerator:
    """`clients` connections that send `request` again and again, from a thread of its own."""

    def __init__(self, port: int, clients: int = 64, request: bytes | None = None):
        self.port, self.clients = port, clients
        self.request = request or chat_request()
        self.result = LoadResult()
        self._stopping = False
        self._ports: dict[int, int] = {}
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)

    def __enter__(self) -> "LoadGenerator":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> LoadResult:
        """Lets every client finish its request."""
        self._stopping = True
        self._thread.join(timeout=60)
        assert not self._thread.is_alive(), "a client hangs in a request"
        return self.result

    def ports(self) -> set[int]:
        """The local ports of the connections that are open now."""
        return set(self._ports.values())

    async def _run(self) -> None:
        await asyncio.gather(*(self._client(number) for number in range(self.clients)))

    async def _client(self, number: int) -> None:
        # One after another, as clients come, so that they are spread over all who accept.
        await asyncio.sleep(number * SECONDS_BETWEEN_CLIENTS)
        streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        local_port = 0
        while not self._stopping:
            started = time.monotonic()
            try:
                if streams is None:
                    streams = await asyncio.open_connection("127.0.0.1", self.port)
                    self._ports[number] = local_port = streams[1].get_extra_info("sockname")[1]
                streams[1].write(self.request)
                keep = await asyncio.wait_for(self._response(streams[0]), timeout=30)
                self.result.completed += 1
                self.result.latencies.append(time.monotonic() - started)
                if not keep:
                    streams[1].close()
                    streams = None
            except (OSError, EOFError, ValueError, asyncio.TimeoutError, AssertionError) as error:
                self.result.failures.append(Failure(time.monotonic(), local_port, f"{type(error).__name__}: {error}"))
                if streams:
                    streams[1].close()
                streams = None
                await asyncio.sleep(0.01)

    @staticmethod
    async def _response(reader: asyncio.StreamReader) -> bool:
        """Reads one response to its end; anything but 200 is a failure. Returns whether the connection stays."""
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        if not head.startswith(b"http/1.1 200"):
            raise ValueError(head.split(b"\r\n")[0].decode() + " " + (await reader.read(300)).decode(errors="replace"))
        if b"transfer-encoding: chunked" in head:
            while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
                await reader.readexactly(size + 2)
            await reader.readexactly(2)
        else:
            length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
            await reader.readexactly(length)
        return b"connection: close" not in head
