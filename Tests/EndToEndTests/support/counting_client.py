"""Clients that send mixed requests and write down the end of each: what counts are held against."""

import http.client
import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from support.limits import limit

JSON = {"Content-Type": "application/json"}
USAGE = {"model": "simulated", "stream": True, "stream_options": {"include_usage": True}}
CHAT = USAGE | {"messages": [{"role": "user", "content": "Which way to Crewe?"}], "max_tokens": 4}
# Paced by a clock and not by the engine, so that nobody can be too late to leave one or to break one off.
PACED = USAGE | {"prompt": "Mind the gap.", "simulated": {"events": 6, "interval_ms": 1}}
ENDLESS = {"text": "a", "stream": True, "simulated": {"events": 1_000_000, "interval_ms": 20}}

# What each request of fifty is.
MIX = (["leave stream"] * 2 + ["chat"] * 4 + ["paced"] * 2 + ["no JSON for a worker", "no JSON", "unknown path", "wrong method",
        "leave upload", "moved", "broken", "models"])


@dataclass
class End:
    """How one request ended, as its client saw it."""

    kind: str
    route: str
    # A status, or `left`, `cut` (the answer broke off), or `lost` (there was none).
    outcome: int | str
    began: float
    ended: float
    # The client's end of the connection.
    port: int
    # What the answer tells, in the order prompt, completion, cached.
    tokens: tuple[int, int, int] = (0, 0, 0)
    streamed: bool = False


@dataclass
class Attempt:
    kind: str
    route: str
    began: float
    streamed: bool = False
    tokens: tuple[int, int, int] = (0, 0, 0)


class Lost(Exception):
    """The connection ended before an answer."""


class CountingClient(threading.Thread):
    """Sends its requests one after the other; a request that was lost is not sent again."""

    def __init__(self, port: int, number: int, requests: int, arrived: Callable[[str], bool]):
        super().__init__(daemon=True)
        self.port, self.number, self.requests, self.arrived = port, number, requests, arrived
        self.ends: list[End] = []
        self.connections = 0
        self.connection: http.client.HTTPConnection | None = None
        # The local port while a request is under way.
        self.under_way: int | None = None

    def run(self) -> None:
        for index in range(self.requests):
            place = index * 7 + self.number * 3
            kind = MIX[place % 50] if place % 50 < len(MIX) else "generate"
            if index % 250 == 10 * self.number:
                kind = "leave early"
            self.one(kind, index)
        self.close()

    def one(self, kind: str, index: int) -> None:
        if self.connection is None:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=limit(30))
            self.connection.connect()
            self.connections += 1
        port = self.connection.sock.getsockname()[1]
        attempt = Attempt(kind, "/generate", time.monotonic())
        self.under_way = port
        try:
            outcome: int | str = self.exchange(attempt, index)
        except http.client.IncompleteRead:
            outcome = "cut"
        except (OSError, http.client.HTTPException, Lost):
            outcome = "lost"
        self.under_way = None
        self.ends.append(End(kind, attempt.route, outcome, attempt.began, time.monotonic(), port, attempt.tokens,
                             attempt.streamed))
        if isinstance(outcome, str) or self.connection.sock is None:
            self.close()

    def exchange(self, attempt: Attempt, index: int) -> int | str:
        match attempt.kind:
            case "leave stream":
                answer = self.ask(attempt, "POST", "/generate", json.dumps(ENDLESS))
                if answer.status != 200:
                    answer.read()
                    return answer.status
                attempt.streamed = True
                answer.read(20)
                return self.leave()
            case "leave early":
                return self.leave_early(attempt, f"/v1/hold/{self.number}/{index}")
            case "leave upload":
                self.connection.sock.sendall(b"POST /generate HTTP/1.1\r\nHost: t\r\nContent-Length: 9\r\n\r\nhalf")
                return self.leave()
            case "chat":
                return self.stream(attempt, "/v1/chat/completions", CHAT)
            case "paced":
                return self.stream(attempt, "/v1/completions", PACED)
            case "generate":
                text = f"prompt {index % 7} " * 200
                answer = self.ask(attempt, "POST", "/generate", json.dumps({"text": text}))
                body = answer.read()
                if answer.status == 200:
                    usage = json.loads(body)["meta_info"]
                    attempt.tokens = (usage["prompt_tokens"], usage["completion_tokens"], usage["cached_tokens"])
                return answer.status
            case _:
                method, path, body = {
                    "no JSON for a worker": ("POST", "/generate", "no JSON"),
                    "no JSON": ("POST", "/v1/chat/completions", "{"),
                    "unknown path": ("GET", "/no/such/path", None),
                    "wrong method": ("GET", "/generate", None),
                    "moved": ("POST", "/v1/moved", "{}"),
                    "broken": ("POST", "/v1/broken", "{}"),
                    "models": ("GET", "/v1/models", None),
                }[attempt.kind]
                answer = self.ask(attempt, method, path, body)
                answer.read()
                return answer.status

    def ask(self, attempt: Attempt, method: str, path: str, body: str | None) -> http.client.HTTPResponse:
        attempt.route = path
        self.connection.request(method, path, body, JSON)
        return self.connection.getresponse()

    def stream(self, attempt: Attempt, path: str, body: dict) -> int:
        answer = self.ask(attempt, "POST", path, json.dumps(body))
        attempt.streamed = answer.status == 200
        text = answer.read().decode()
        if attempt.streamed:
            usage = json.loads(text.split("data: ")[-2])["usage"]
            cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens", 0)
            attempt.tokens = (usage["prompt_tokens"], usage["completion_tokens"], cached)
        return answer.status

    def leave_early(self, attempt: Attempt, path: str) -> str:
        """Waits until a worker has the request, which it will not answer, and leaves."""
        attempt.route = path
        self.connection.request("POST", path, "{}", JSON)
        deadline = time.monotonic() + limit(20)
        while not self.arrived(path):
            if time.monotonic() > deadline:
                raise Lost
            self.connection.sock.setblocking(False)
            try:
                # No worker will have it: its data plane was killed.
                self.connection.sock.recv(1)
                raise Lost
            except BlockingIOError:
                time.sleep(0.005)
            finally:
                self.connection.sock.settimeout(limit(30))
        return self.leave()

    def leave(self) -> str:
        """Ends its side and waits until the data plane has closed, so that nobody can miss that it left."""
        self.connection.sock.shutdown(socket.SHUT_WR)
        while self.connection.sock.recv(65536):
            pass
        return "left"

    def close(self) -> None:
        if self.connection:
            self.connection.close()
        self.connection = None
