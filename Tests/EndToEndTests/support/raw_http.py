"""HTTP/1.1 on a raw socket: sends exactly the given bytes, and reads responses without repairing anything."""

import socket
from dataclasses import dataclass, field


@dataclass
class Response:
    status: int
    reason: str
    headers: list[tuple[str, str]]
    body: bytes = b""
    chunks: list[bytes] = field(default_factory=list)
    is_complete: bool = True

    def header(self, name: str) -> str | None:
        values = self.all(name)
        return values[0] if values else None

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]


class RawConnection:
    """One TCP (or Unix socket) connection."""

    def __init__(self, address: int | str | tuple[str, int], timeout: float = 15, receive_buffer: int | None = None,
                 source: str | None = None):
        if isinstance(address, str):
            self.socket = socket.socket(socket.AF_UNIX)
            target: str | tuple[str, int] = address
        else:
            self.socket = socket.socket()
            target = ("127.0.0.1", address) if isinstance(address, int) else address
            if receive_buffer:
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            if source:
                self.socket.bind((source, 0))
        self.socket.settimeout(timeout)
        self.socket.connect(target)
        if self.socket.family != socket.AF_UNIX:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    @classmethod
    def adopting(cls, accepted: socket.socket) -> "RawConnection":
        """The same over a socket that is connected already."""
        connection = cls.__new__(cls)
        connection.socket, connection.buffer = accepted, b""
        return connection

    def __enter__(self) -> "RawConnection":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.socket.close()

    def reset(self) -> None:
        """Closes so that the other side gets RST instead of FIN."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.socket.close()

    def send(self, data: bytes | str) -> None:
        self.socket.sendall(data.encode("latin-1") if isinstance(data, str) else data)

    def receive(self, size: int = 65536) -> bytes:
        """The next bytes, b"" at the end of the stream."""
        if self.buffer:
            taken, self.buffer = self.buffer[:size], self.buffer[size:]
            return taken
        return self.socket.recv(size)

    def _more(self) -> bool:
        data = self.socket.recv(65536)
        self.buffer += data
        return bool(data)

    def read_until(self, mark: bytes) -> bytes:
        while mark not in self.buffer:
            if not self._more():
                raise EOFError(f"the connection ended before {mark!r}; received {self.buffer[:500]!r}")
        taken, _, self.buffer = self.buffer.partition(mark)
        return taken

    def read_exactly(self, count: int) -> bytes:
        while len(self.buffer) < count:
            if not self._more():
                raise EOFError(f"the connection ended after {len(self.buffer)} of {count} bytes")
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def read_to_end(self) -> bytes:
        while self._more():
            pass
        taken, self.buffer = self.buffer, b""
        return taken

    def ends(self) -> bool:
        """Whether the other side closes without sending anything more."""
        try:
            return not self.buffer and self.socket.recv(1) == b""
        except ConnectionResetError:
            return True

    def read_head(self) -> Response:
        head = self.read_until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        version, _, rest = head[0].partition(" ")
        assert version in ("HTTP/1.1", "HTTP/1.0"), head[0]
        status, _, reason = rest.partition(" ")
        headers = []
        for line in head[1:]:
            name, colon, value = line.partition(":")
            assert colon, line
            headers.append((name, value.strip(" \t")))
        return Response(int(status), reason, headers)

    def read_chunk(self) -> bytes:
        """The next chunk's data; b"" after the last chunk and its trailers."""
        size = int(self.read_until(b"\r\n").split(b";")[0], 16)
        if size == 0:
            while self.read_until(b"\r\n"):
                pass
            return b""
        data = self.read_exactly(size)
        assert self.read_exactly(2) == b"\r\n"
        return data

    def read_response(self, head_only: bool = False, interim: bool = False) -> Response:
        """The next final response; interim ones are skipped unless asked for."""
        response = self.read_head()
        while 100 <= response.status < 200 and not interim:
            response = self.read_head()
        if head_only or response.status < 200 or response.status in (204, 304):
            return response
        if (response.header("transfer-encoding") or "").lower() == "chunked":
            try:
                while chunk := self.read_chunk():
                    response.chunks.append(chunk)
            except (EOFError, ConnectionError):
                response.is_complete = False
            response.body = b"".join(response.chunks)
        elif (length := response.header("content-length")) is not None:
            response.body = self.read_exactly(int(length))
        else:
            response.body = self.read_to_end()
        return response

    def ask(self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> Response:
        """One ordinary request and its response."""
        lines = [f"{method} {path} HTTP/1.1", "Host: test"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        if body is not None:
            lines.append(f"Content-Length: {len(body)}")
        self.send("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + (body or b""))
        return self.read_response(head_only=method == "HEAD")


def ask(address: int | str | tuple[str, int], method: str, path: str, body: bytes | None = None,
        headers: dict[str, str] | None = None, timeout: float = 15) -> Response:
    """One request on a connection of its own."""
    with RawConnection(address, timeout=timeout) as connection:
        return connection.ask(method, path, body, headers)
