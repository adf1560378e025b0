"""The loads that every contestant gets, and the requests that they are made of."""

import json
from dataclasses import dataclass
from fnmatch import fnmatchcase

# Text as clients send it: words, with a line feed or a quotation mark every few dozen bytes, which JSON escapes.
SENTENCES = (
    "Summarise the incident report below in three sentences and name the component that failed first.\n",
    'The on-call engineer wrote: "the queue grew for eleven minutes before the alarm went off".\n',
    "- 14:02 latency of the first token rises from 180 ms to 2.4 s on two of the nine workers\n",
    "- 14:05 one worker answers its health check with 503, and its requests move to the others\n",
    'Answer as JSON: {"summary": "...", "component": "...", "confidence": 0.0}\n',
)
TURN_BYTES = 1500
# Room for the braces of one more turn and the escapes of one more sentence.
TURN_OVERHEAD_BYTES = 64


@dataclass(frozen=True)
class Scenario:
    name: str
    about: str
    connections: int
    request_bytes: int = 200
    # Requests per second that are sent whatever happens (open loop); 0 means that each connection asks again at once.
    rate: int = 0
    # Events of each answer and the time between two; 0 events means one plain answer.
    events: int = 0
    interval_us: int = 0
    # Threads of the contestant where the scenario fixes them.
    threads: int | None = None
    # Whether only memory is of interest.
    memory_only: bool = False

    @property
    def streams(self) -> bool:
        return self.events > 0

    @property
    def stream_seconds(self) -> float:
        return self.events * self.interval_us / 1e6

    @property
    def unit(self) -> str:
        return "streams" if self.streams else "requests"


SCENARIOS = (
    Scenario("post-200B-c1", "POST of 200 B, 1 connection", 1),
    Scenario("post-200B-c32", "POST of 200 B, 32 connections", 32),
    Scenario("post-200B-c256", "POST of 200 B, 256 connections", 256),
    Scenario("post-4KB-c32", "POST of 4 KB, 32 connections", 32, request_bytes=4096),
    Scenario("post-4KB-c256", "POST of 4 KB, 256 connections", 256, request_bytes=4096),
    Scenario("post-64KB-c32", "POST of 64 KB, 32 connections", 32, request_bytes=65536),
    Scenario("open-1000", "POST of 200 B, 1,000 requests/s whatever happens, 64 connections", 64, rate=1000),
    Scenario("sse-256", "256 streams of 50 events, one each 20 ms", 256, events=50, interval_us=20_000),
    Scenario("sse-1000", "1,000 streams of 50 events, one each 20 ms", 1000, events=50, interval_us=20_000),
    Scenario("sse-flat-out", "32 streams of 200 events as fast as they go", 32, events=200),
    Scenario("memory-1000-streams", "1,000 streams of 20 events, one each 100 ms", 1000, events=20,
             interval_us=100_000, memory_only=True),
    Scenario("post-200B-c256-2threads", "POST of 200 B, 256 connections, contestants with 2 threads", 256, threads=2),
)


def chosen(patterns: list[str]) -> list[Scenario]:
    """The scenarios that any pattern names, by its beginning or with `*`; fails on one that names none."""
    for pattern in patterns:
        if not any(_names(pattern, each) for each in SCENARIOS):
            names = ", ".join(each.name for each in SCENARIOS)
            raise ValueError(f"--scenario {pattern} names none of: {names}")
    return [each for each in SCENARIOS if any(_names(pattern, each) for pattern in patterns)]


def _names(pattern: str, scenario: Scenario) -> bool:
    return scenario.name == pattern or fnmatchcase(scenario.name, pattern) or scenario.name.startswith(pattern + "-c")


def chat_body(size: int, streams: bool) -> bytes:
    """A chat completion request of exactly `size` bytes: turns of about 1.5 KB, with what JSON escapes in them."""
    def encoded(contents: list[str]) -> bytes:
        messages = [{"role": ("user", "assistant")[turn % 2], "content": text} for turn, text in enumerate(contents)]
        body = {"model": "mock-model", "messages": messages, "max_tokens": 64, "stream": streams}
        return json.dumps(body, separators=(",", ":")).encode()

    contents, number = [""], 0
    while len(encoded(contents)) + TURN_OVERHEAD_BYTES + len(SENTENCES[number % len(SENTENCES)]) < size:
        if len(contents[-1]) > TURN_BYTES:
            contents.append("")
        contents[-1] += SENTENCES[number % len(SENTENCES)]
        number += 1
    missing = size - len(encoded(contents))
    if missing < 0:
        raise ValueError(f"a chat request of {size} bytes cannot be made")
    contents[-1] += ("and so on " * (missing // 10 + 1))[:missing]
    return encoded(contents)


def request(size: int, streams: bool) -> bytes:
    """The whole request as the load generator sends it."""
    body = chat_body(size, streams)
    head = (
        "POST /v1/chat/completions HTTP/1.1\r\n"
        "Host: router.example\r\n"
        f"Accept: {'text/event-stream' if streams else 'application/json'}\r\n"
        "Content-Type: application/json\r\n"
        "User-Agent: compare/1\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
