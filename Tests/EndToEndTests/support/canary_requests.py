"""What clients send, well formed and not, with a secret in each part of it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

from support.canaries import Canaries
from support.raw_http import RawConnection, Response

# Fields that a client can send with any request, each with the form of its value.
FIELDS = {
    "Authorization": "Bearer {}", "Proxy-Authorization": "Basic {}", "Cookie": "session={}", "X-Api-Key": "{}", "Api-Key": "{}",
    "X-Custom": "{}", "User-Agent": "{}/1", "Referer": "http://{}/", "Origin": "http://{}", "Accept": "text/{}",
    "Forwarded": "for={}", "X-Forwarded-For": "{}", "X-Forwarded-Proto": "{}", "X-Forwarded-Host": "{}", "X-Real-IP": "{}",
    "Via": "1.1 {}", "X-Request-Id": '"{}"', "X-Correlation-Id": "{}/", "X-Trace-Id": "{}\\", "Request-Id": "{}%",
    "traceparent": "00-{}-junk", "tracestate": "a={}", "baggage": "key={}", "X-SMG-Routing-Key": "{}",
    "X-Signalbox-Explain": "{}", "X-Signalbox-Snapshot": "{}", "X-Signalbox-Source-Address": "{}", "X-Signalbox-Worker": "{}",
    "Range": "{}=0-1", "If-None-Match": '"{}"', "Connection": "{}", "Upgrade": "{}", "TE": "{}", "Keep-Alive": "{}",
}
VALID_TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class CanaryRequests:
    def __init__(self, canaries: Canaries, port: int):
        self.canaries, self.port = canaries, port
        # Everything that clients got.
        self.received = b""
        self.statuses: set[int] = set()

    def secret(self, place: str) -> str:
        return self.canaries.secret(f"request: {place}")

    def fields(self, **more: str) -> dict[str, str]:
        named = {name: form.format(self.secret(name)) for name, form in FIELDS.items()}
        named[f"X-{self.secret('name of a field')}"] = "1"
        named["Content-Type"] = f"application/json; profile={self.secret('Content-Type')}"
        return named | more

    def body(self, wish: str = "plain") -> dict:
        says = {name: self.secret(f"body: {name}") for name in (
            "text", "prompt", "user", "system", "rid", "session_id", "lora_path", "safety_identifier", "prompt_cache_key")}
        message = {"role": "user", "content": self.secret("body: message"), "name": self.secret("body: name")}
        return {"wish": wish, "model": "recorded"} | says | {
            "messages": [message], "metadata": {self.secret("body: key"): [self.secret("body: deep")]},
            "tools": [{"function": {"description": self.secret("body: tool")}}]}

    def ask(self, path: str, body: dict | bytes, fields: dict[str, str] | None = None, method: str = "POST",
            port: int | str | None = None) -> Response:
        data = json.dumps(body).encode() if isinstance(body, dict) else body
        with RawConnection(port or self.port) as client:
            answer = client.ask(method, path, data, self.fields() if fields is None else fields)
        self.received += f"{answer.status} {answer.reason} {answer.headers}".encode() + answer.body
        self.statuses.add(answer.status)
        return answer

    def raw(self, data: bytes, port: int | str, seconds: float) -> bytes:
        """Sends it, and takes what comes in time."""
        with RawConnection(port, timeout=seconds) as client:
            try:
                client.send(data)
                got = client.receive()
            except OSError:
                got = b""
        self.received += got
        return got

    def malformed(self) -> dict[str, bytes]:
        """What cannot be read as a request, or is none that anybody serves."""
        def secret(place: str) -> bytes:
            return self.canaries.secret(f"malformed: {place}").encode()

        head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: t\r\n"
        json_head = head + b"Content-Type: application/json\r\n"
        chunked = head + b"Transfer-Encoding: chunked\r\n\r\n"
        broken = b'{"a": "' + secret("broken JSON") + b'"'
        foreign = b'{"a": "' + secret("invalid UTF-8") + b'\xff"}'
        return {
            "path": b"GET /" + secret("path") + b" HTTP/1.1\r\nHost: " + secret("Host") + b"\r\n\r\n",
            "method": secret("method") + b" / HTTP/1.1\r\nHost: t\r\n\r\n",
            "line": secret("request line") + b"\r\n\r\n",
            "version": b"GET / HTTP/" + secret("version") + b"\r\n\r\n",
            "absolute": b"GET http://" + secret("absolute target") + b"/x HTTP/1.1\r\nHost: t\r\n\r\n",
            "connect": b"CONNECT " + secret("CONNECT") + b":443 HTTP/1.1\r\nHost: t\r\n\r\n",
            "escape": b"GET /%zz" + secret("bad escape") + b" HTTP/1.1\r\nHost: t\r\n\r\n",
            "long line": b"GET /" + secret("long request line") * 2_000 + b" HTTP/1.1\r\nHost: t\r\n\r\n",
            "long head": head + b"X-Long: " + secret("long head") * 8_000 + b"\r\n\r\n",
            "many fields": head + b"".join(b"X-%d: %s\r\n" % (n, secret("many fields")) for n in range(300)) + b"\r\n",
            "name": b"GET / HTTP/1.1\r\n" + secret("name with a space") + b" : x\r\n\r\n",
            "no colon": b"GET / HTTP/1.1\r\n" + secret("field without a colon") + b"\r\n\r\n",
            "control": b"GET / HTTP/1.1\r\nHost: t\r\nX-A: " + secret("control character") + b"\x01\r\n\r\n",
            "folded": b"GET / HTTP/1.1\r\nHost: t\r\nX-A: b\r\n " + secret("folded field") + b"\r\n\r\n",
            "hosts": b"GET / HTTP/1.1\r\nHost: t\r\nHost: " + secret("second Host") + b"\r\n\r\n",
            "length": head + b"Content-Length: " + secret("length") + b"\r\n\r\n",
            "coding": head + b"Transfer-Encoding: " + secret("transfer coding") + b"\r\n\r\n",
            "expect": head + b"Expect: " + secret("Expect") + b"\r\nContent-Length: 2\r\n\r\n{}",
            "chunk": chunked + secret("chunk size") + b"\r\n",
            "extension": chunked + b"2;a=" + secret("long chunk extension") * 500 + b"\r\n{}\r\n0\r\n\r\n",
            "broken JSON": json_head + b"Content-Length: %d\r\n\r\n" % len(broken) + broken,
            "invalid UTF-8": json_head + b"Content-Length: %d\r\n\r\n" % len(foreign) + foreign,
            "compressed": json_head + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(broken) + broken,
            "wrong method": b"PUT /generate?a=" + secret("query of a wrong method") + b" HTTP/1.1\r\nHost: t\r\n\r\n",
            "preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + secret("HTTP/2"),
            "hello": b"\x16\x03\x01\x00\x30" + secret("TLS hello"),
        }

    @contextmanager
    def leaving(self, data: bytes, reset: bool = False, answer: bytes = b"") -> Iterator[None]:
        """Sends it, waits for the beginning of an answer, and leaves at the end of the context."""
        client = RawConnection(self.port)
        client.send(data)
        if answer:
            self.received += client.read_until(answer) + client.receive()
        yield
        client.reset() if reset else client.close()

    def head(self, path: str, length: int) -> bytes:
        lines = [f"POST {path} HTTP/1.1", "Host: t", *(f"{name}: {value}" for name, value in self.fields().items())]
        return "\r\n".join([*lines, f"Content-Length: {length}"]).encode() + b"\r\n\r\n"
