"""A worker that writes down what it is sent, byte for byte, and answers as its test tells it to.

It shares no code with the router or the simulated worker, so it can contradict both.
"""

import json
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class RecordedRequest:
    method: str = ""
    target: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    raw_head: bytes = b""
    is_complete: bool = False
    connection: int = 0
    """Number of the connection that it came on, and the moment that connection was seen to end."""
    ended_at: float | None = None

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]


Responder = Callable[["WorkerConnection", RecordedRequest], bool | None]


def response_bytes(body: bytes | str | dict, status: str = "200 OK", content_type: str = "application/json",
                   headers: tuple[str, ...] = ()) -> bytes:
    data = json.dumps(body).encode() if isinstance(body, dict) else body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {content_type}", f"Content-Length: {len(data)}", *headers]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + data


class WorkerConnection:
    def __init__(self, worker: "RecordingWorker", connection: socket.socket, number: int):
        self.worker, self.socket, self.number = worker, connection, number
        self.buffer = b""

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def send_chunk(self, data: bytes) -> None:
        self.send(b"%x\r\n%s\r\n" % (len(data), data))

    def wait_for_end(self, seconds: float = 20) -> float | None:
        """The moment at which the router closed this connection; None when it did not in time."""
        self.socket.settimeout(seconds)
        try:
            while self.socket.recv(65536):
                pass
        except TimeoutError:
            return None
        except OSError:
            pass
        return time.monotonic()

    def _more(self) -> None:
        data = self.socket.recv(262144)
        if not data:
            raise EOFError
        self.buffer += data

    def _until(self, mark: bytes) -> bytes:
        while mark not in self.buffer:
            self._more()
        taken, _, self.buffer = self.buffer.partition(mark)
        return taken

    def _exactly(self, count: int) -> bytes:
        if len(self.buffer) >= count:
            taken, self.buffer = self.buffer[:count], self.buffer[count:]
            return taken
        parts, have = [self.buffer], len(self.buffer)
        self.buffer = b""
        while have < count:
            data = self.socket.recv(min(262144, count - have))
            if not data:
                raise EOFError
            parts.append(data)
            have += len(data)
        return b"".join(parts)

    def serve(self) -> None:
        request: RecordedRequest | None = None
        try:
            while True:
                while not self.buffer:
                    self._more()
                request = RecordedRequest(connection=self.number)
                self.worker.note(request)
                self._read(request)
                request.is_complete = True
                if self.worker.answer(self, request) is False:
                    return
        except (EOFError, OSError):
            if request:
                request.ended_at = time.monotonic()
        finally:
            self.socket.close()

    def _read(self, request: RecordedRequest) -> None:
        request.raw_head = self._until(b"\r\n\r\n")
        lines = request.raw_head.decode("latin-1").split("\r\n")
        request.method, request.target, _ = lines[0].split(" ", 2)
        for line in lines[1:]:
            name, _, value = line.partition(":")
            request.headers.append((name, value.strip(" \t")))
        if (request.header("transfer-encoding") or "").lower() == "chunked":
            parts = []
            while size := int(self._until(b"\r\n").split(b";")[0], 16):
                parts.append(self._exactly(size))
                self._exactly(2)
            while self._until(b"\r\n"):
                pass
            request.body = b"".join(parts)
        else:
            request.body = self._exactly(int(request.header("content-length") or 0))


class RecordingWorker:
    """Listens on a free port; every connection has a thread."""

    def __init__(self, responder: Responder | None = None, model: str = "recorded", port: int = 0,
                 answers_health: bool = True, host: str = "127.0.0.1"):
        self.responder = responder
        self.answers_health = answers_health
        self.models = [{"id": model, "object": "model", "owned_by": "test", "max_model_len": 4096}]
        self.is_healthy = True
        self.health_seconds = 0.0
        self.requests: list[RecordedRequest] = []
        self.connections: list[WorkerConnection] = []
        self._lock = threading.Lock()
        self.listener = socket.create_server((host, port), backlog=1024)
        self.port = self.listener.getsockname()[1]
        self.url = f"http://{host}:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                handler = WorkerConnection(self, connection, len(self.connections))
                self.connections.append(handler)
            threading.Thread(target=handler.serve, daemon=True).start()

    def note(self, request: RecordedRequest) -> None:
        with self._lock:
            self.requests.append(request)

    def answer(self, connection: WorkerConnection, request: RecordedRequest) -> bool | None:
        if request.path in ("/health", "/v1/models", "/get_model_info", "/server_info", "/get_server_info", "/model_info"):
            if not self.responder or self.is_probe(request):
                return self._answer_probe(connection, request)
        if self.responder:
            return self.responder(connection, request)
        connection.send(response_bytes({"worker": self.port, "echo": request.body.decode("latin-1")}))
        return None

    def is_probe(self, request: RecordedRequest) -> bool:
        """Whether the control plane asks; what a data plane passes on has a `Via`."""
        if request.path in ("/get_server_info", "/server_info", "/get_model_info"):
            return request.header("via") is None
        return (request.path == "/health" and self.answers_health) or request.path == "/v1/models"

    def _answer_probe(self, connection: WorkerConnection, request: RecordedRequest) -> None:
        if request.path == "/health":
            time.sleep(self.health_seconds)
            connection.send(response_bytes("", status="200 OK" if self.is_healthy else "503 Service Unavailable"))
        elif request.path == "/v1/models":
            connection.send(response_bytes({"object": "list", "data": self.models}))
        else:
            connection.send(response_bytes({"worker": self.port, "path": request.target}))

    def routed(self, path: str | None = None) -> list[RecordedRequest]:
        """Requests that are no probes, in the order in which they began."""
        with self._lock:
            return [
                request for request in self.requests
                if request.target and request.path != "/health"
                and not (request.path == "/v1/models" and path != "/v1/models")
                and not (request.path in ("/get_server_info", "/server_info", "/get_model_info") and self.is_probe(request))
                and (path is None or request.path == path)
            ]

    def close(self) -> None:
        self.listener.close()
        with self._lock:
            for connection in self.connections:
                try:
                    connection.socket.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
