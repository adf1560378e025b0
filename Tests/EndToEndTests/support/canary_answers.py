"""What workers answer, well formed and not, with a secret in each part of it."""

import json

from support.canaries import Canaries
from support.limits import limit
from support.recording_worker import RecordedRequest, RecordingWorker, WorkerConnection, response_bytes

STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n"
# Parts of answers that are none.
MALFORMED = ("status line", "version", "field without a colon", "length", "transfer coding", "chunk size", "long head",
             "rest behind an answer")
# Answers after which the connection is of no use.
ENDING = {"nothing", "broken stream", "bad status line", "bad field", "bad length", "bad chunk", "bad coding", "bad version",
          "long head", "rest"}


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


class CanaryAnswers:
    def __init__(self, canaries: Canaries):
        self.canaries = canaries
        self.answers = self.whole() | self.streams() | self.malformed()

    def secret(self, place: str) -> bytes:
        return self.canaries.secret(f"answer: {place}").encode()

    def text(self, place: str) -> str:
        return self.secret(place).decode()

    def whole(self) -> dict[str, bytes]:
        fields = tuple(f"{name}: {form.format(self.text(name))}" for name, form in {
            "X-Answer": "{}", "Set-Cookie": "id={}", "Server": "{}", "WWW-Authenticate": "Bearer realm={}", "Via": "1.1 {}",
            "X-Signalbox-Worker": "{}", "X-Signalbox-Explain": "{}", "Warning": '199 - "{}"'}.items())
        usage = {"prompt_tokens": 1, "completion_tokens": 1, "user": self.text("usage")}
        body = {"text": self.text("body"), "choices": [{"message": {"content": self.text("content")}}], "usage": usage}
        named = ("X-Request-Id: " + self.text("id that gives way"),)
        found = {"plain": response_bytes(body, status=f"200 {self.text('reason phrase')}", headers=fields + named)}
        for status in ("400", "401", "404", "422", "429", "500", "502", "503"):
            found[status] = response_bytes({"error": {"message": self.text(f"error {status}")}}, status=f"{status} No",
                                           headers=(f"Retry-After: {self.text(f'Retry-After of {status}')}",))
        found["302"] = response_bytes("{}", status="302 Found", headers=(f"Location: http://{self.text('Location')}/",))
        found["103"] = b"HTTP/1.1 103 Early Hints\r\nLink: <" + self.secret("early hint") + b">\r\n\r\n" + found["404"]
        return found

    def streams(self) -> dict[str, bytes]:
        delta = {"choices": [{"delta": {"content": self.text("event")}}]}
        events = (b": " + self.secret("comment") + b"\n\n", b"event: " + self.secret("name of an event") + b"\n",
                  b"id: " + self.secret("id of an event") + b"\n", b"data: " + json.dumps(delta).encode() + b"\n\n")
        error = b'data: {"error": {"message": "' + self.secret("error event") + b'"}}\n\n'
        trailer = b"0\r\nX-Trailer: " + self.secret("trailer") + b"\r\n\r\n"
        body = b"".join(map(chunk, events))
        line = b'{"message": "' + self.secret("line of a stream") + b'", "done": true}\n'
        return {
            "stream": STREAM + b"\r\n" + body + chunk(b"data: [DONE]\n\n") + trailer,
            "stream of an error": STREAM + b"\r\n" + body + chunk(error) + b"0\r\n\r\n",
            "broken stream": STREAM + b"\r\n" + body + chunk(b"data: " + self.secret("half an event")),
            "lines": STREAM.replace(b"text/event-stream", b"application/x-ndjson") + b"\r\n" + chunk(line) * 2 + b"0\r\n\r\n",
            "encoded": STREAM + b"Content-Encoding: x-" + self.secret("Content-Encoding") + b"\r\n\r\n" + body + trailer,
        }

    def malformed(self) -> dict[str, bytes]:
        head = b"HTTP/1.1 200 OK\r\n"
        return {
            "nothing": b"",
            "bad status line": b"HTTP/1.1 2xx " + self.secret("status line") + b"\r\n\r\n",
            "bad version": b"HTTP/9 " + self.secret("version") + b"\r\n\r\n",
            "bad field": head + self.secret("field without a colon") + b"\r\n\r\n",
            "bad length": head + b"Content-Length: " + self.secret("length") + b"\r\n\r\n",
            "bad coding": head + b"Transfer-Encoding: " + self.secret("transfer coding") + b"\r\n\r\n",
            "bad chunk": STREAM + b"\r\n" + self.secret("chunk size") + b"\r\n",
            "long head": head + b"X-Long: " + self.secret("long head") * 8_000 + b"\r\n\r\n",
            "rest": response_bytes("{}") + self.secret("rest behind an answer"),
        }

    def respond(self, connection: WorkerConnection, request: RecordedRequest) -> bool:
        """Answers as the body wishes; whether the connection stays."""
        wish = json.loads(request.body)["wish"] if request.body.startswith(b'{"wish"') else "plain"
        if wish.startswith("hold"):
            if wish == "hold stream":
                connection.send(STREAM + b"\r\n" + chunk(b"data: " + self.secret("event of a client that leaves") + b"\n\n"))
            connection.wait_for_end(limit(30))
            return False
        connection.send(self.answers[wish])
        return wish not in ENDING


class CanaryWorker(RecordingWorker):
    """Also what it answers to probes holds secrets, if only one that is not as it should be."""

    def __init__(self, answers: CanaryAnswers, health: str = "plain", model: str = "recorded"):
        super().__init__(answers.respond, model=model)
        self.models[0][answers.text("field of a model card")] = answers.text("model card")
        self.answers, self.health = answers, health

    def answer(self, connection: WorkerConnection, request: RecordedRequest) -> bool | None:
        if request.path == "/health":
            connection.send(self.answers.answers[self.health])
            return self.health not in ENDING
        if request.path in ("/get_server_info", "/server_info", "/get_model_info"):
            connection.send(response_bytes({"api_key": self.answers.text("server information"), "max_running_requests": 64}))
            return None
        return super().answer(connection, request)
