"""HTTP/1.1 for the soak's clients: requests as bytes, and responses read to their end without repairing anything."""

import asyncio
import json
import socket
from dataclasses import dataclass


@dataclass
class Answer:
    status: int
    body: bytes
    keeps_alive: bool


def completion(model: str, stream: bool = False, max_tokens: int = 8, padding: int = 0) -> bytes:
    """A chat completion; `padding` bytes of text stand before the model's name."""
    body = {"messages": [{"role": "user", "content": "tell me " + "x" * padding}], "max_tokens": max_tokens,
            "stream": stream, "model": model}
    return request("/v1/chat/completions", json.dumps(body).encode())


def request(path: str, body: bytes, chunk_bytes: int = 0) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: soak\r\nContent-Type: application/json\r\n".encode()
    if not chunk_bytes:
        return head + b"Content-Length: %d\r\n\r\n" % len(body) + body
    pieces = [body[start:start + chunk_bytes] for start in range(0, len(body), chunk_bytes)]
    return (head + b"Transfer-Encoding: chunked\r\n\r\n" + b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
            + b"0\r\n\r\n")


async def read_answer(reader: asyncio.StreamReader, seconds: float = 60) -> Answer:
    """The next final response; EOFError when it ends too early."""
    async with asyncio.timeout(seconds):
        head = await reader.readuntil(b"\r\n\r\n")
        while head.startswith(b"HTTP/1.1 1"):
            head = await reader.readuntil(b"\r\n\r\n")
        lower = head.lower()
        body = b""
        if b"transfer-encoding: chunked" in lower:
            while size := int(await reader.readuntil(b"\r\n"), 16):
                body += (await reader.readexactly(size + 2))[:-2]
            await reader.readexactly(2)
        else:
            body = await reader.readexactly(int(lower.partition(b"content-length:")[2].partition(b"\r\n")[0]))
        return Answer(int(head[9:12]), body, b"connection: close" not in lower)


async def connect(port: int, receive_buffer: int | None = None) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection; with a small `receive_buffer` (bytes) the kernel takes little that is not read."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=receive_buffer or 2 ** 16)
    if receive_buffer:
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    return reader, writer
