"""Ten thousand clients that leave, in every phase of a request, leave nothing behind."""

import asyncio
import os
import random
import threading

import pytest

from support.fleet import Workbench
from support.limits import limit
from support.load import chat_request
from support.measurements import record
from support.raw_http import ask
from support.waiting import wait_for

NAME = "streaming/test_abort_storm.py"
ABORTS = 10_000
AT_ONCE = 200
PHASES = ("in the head", "in the body", "in the queue or before the answer", "in the stream", "after the last token")
SETTINGS = {"concurrent_requests_max": 50, "queue_size": 1000}
LONG = chat_request(stream=True, max_tokens=100_000)
SHORT = chat_request(stream=True, max_tokens=2)


async def abort(port: int, phase: str, dice: random.Random) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    if phase == "in the head":
        writer.write(LONG[:dice.randrange(1, 60)])
    elif phase == "in the body":
        writer.write(LONG[:len(LONG) - dice.randrange(1, 60)])
    elif phase == "in the queue or before the answer":
        writer.write(LONG)
    elif phase == "in the stream":
        writer.write(LONG)
        await reader.readuntil(b"data: ")
    else:
        writer.write(SHORT)
        await reader.readuntil(b"[DONE]")
    await writer.drain()
    if dice.random() < 0.5:
        writer.transport.abort()
    else:
        writer.close()


async def storm(port: int, seed: int) -> None:
    dice = random.Random(seed)
    left = [PHASES[number % len(PHASES)] for number in range(ABORTS)]
    dice.shuffle(left)

    async def client() -> None:
        while left:
            await asyncio.wait_for(abort(port, left.pop(), dice), 30)

    await asyncio.gather(*(client() for _ in range(AT_ONCE)))


@pytest.mark.measured
def test_ten_thousand_aborts_over_all_phases_leave_no_request_and_no_connection(bench: Workbench) -> None:
    workers = [bench.worker("--speedup", "20") for _ in range(2)]
    plane, proxy = bench.wired(*(worker.url for worker in workers))
    assert plane.admin.patch("/settings", json=SETTINGS).status_code == 200
    plane.admin.wait_until_applied(1)
    assert ask(proxy.port, "POST", "/generate", b'{"text":"x"}').status == 200
    descriptors = len(os.listdir(f"/proc/{proxy.pid}/fd"))
    errors: list[BaseException] = []

    def run() -> None:
        try:
            asyncio.run(storm(proxy.port, 7))
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(150)
    assert not thread.is_alive() and not errors, errors[:1]
    settled = plane.admin.wait_for_no_requests(limit(5))
    wait_for("the workers to have stopped", lambda: all(worker.stats()["in_flight"] == 0 for worker in workers), limit(1))
    record("10,000 clients that leave over all phases", "in-flight back at 0 after", settled, "s", "5", NAME)
    wait_for("every client to be forgotten",
             lambda: all(entry["connections"] == 0 for entry in plane.admin.data_planes()), limit(5))
    kept = plane.admin.data_planes()[0]["held"]["idle_upstream_connections"]
    assert len(os.listdir(f"/proc/{proxy.pid}/fd")) <= descriptors + kept, "descriptors were left open"
    assert ask(proxy.port, "POST", "/generate", b'{"text":"x"}').status == 200
