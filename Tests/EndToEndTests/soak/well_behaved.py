"""Clients that do everything right, and must get everything right."""

import asyncio
import json
import random
import time
from dataclasses import dataclass, field

from soak.exchange import Answer, completion, connect, read_answer, request

STEADY = "steady"


@dataclass
class Outcome:
    completed: int = 0
    errors: list[tuple[float, str]] = field(default_factory=list)


def expect_completion(answer: Answer) -> None:
    assert answer.status == 200, f"status {answer.status}: {answer.body[:200]!r}"
    document = json.loads(answer.body)
    assert document["model"] == STEADY and document["choices"], answer.body[:200]


def expect_stream(answer: Answer) -> None:
    assert answer.status == 200, f"status {answer.status}: {answer.body[:200]!r}"
    events = [event for event in answer.body.split(b"\n\n") if event]
    assert events[-1] == b"data: [DONE]", events[-1]
    for event in events[:-1]:
        assert json.loads(event.removeprefix(b"data: "))["model"] == STEADY, event


async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    writer.write(completion(STEADY))
    answer = await read_answer(reader)
    expect_completion(answer)
    return answer.keeps_alive


async def stream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    writer.write(completion(STEADY, stream=True, max_tokens=random.randrange(5, 120)))
    answer = await read_answer(reader)
    expect_stream(answer)
    return answer.keeps_alive


async def large_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """More than is held in memory: with the model at the end it has to go through a file."""
    writer.write(completion(STEADY, padding=random.choice((20_000, 300_000, 1_500_000))))
    answer = await read_answer(reader)
    expect_completion(answer)
    return answer.keeps_alive


async def chunked_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    body = completion(STEADY, padding=5_000).partition(b"\r\n\r\n")[2]
    writer.write(request("/v1/chat/completions", body, chunk_bytes=random.randrange(100, 3_000)))
    answer = await read_answer(reader)
    expect_completion(answer)
    return answer.keeps_alive


async def pipelined(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Ten requests at once; the answers come in their order."""
    writer.write((completion(STEADY) + completion(STEADY, stream=True)) * 5)
    for _ in range(5):
        expect_completion(await read_answer(reader))
        answer = await read_answer(reader)
        expect_stream(answer)
    return answer.keeps_alive


KINDS = (plain, stream, large_body, chunked_body, pipelined)


async def client(port: int, number: int, outcome: Outcome, stopping: asyncio.Event) -> None:
    """One client that goes on until it is told to stop; it opens a new connection now and then."""
    kind = KINDS[number % len(KINDS)]
    streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
    while not stopping.is_set():
        try:
            streams = streams or await connect(port)
            keeps_alive = await kind(*streams)
            outcome.completed += 10 if kind is pipelined else 1
            if not keeps_alive or random.random() < 0.02:
                streams[1].close()
                streams = None
            await asyncio.sleep(random.random() * 0.05)
        except (OSError, EOFError, ValueError, KeyError, IndexError, TimeoutError, AssertionError) as error:
            outcome.errors.append((time.monotonic(), f"{kind.__name__}: {type(error).__name__}: {error}"))
            if streams:
                streams[1].close()
            streams = None
            await asyncio.sleep(0.1)
    if streams:
        streams[1].close()
