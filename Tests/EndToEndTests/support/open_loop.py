"""Open-loop load: requests begin at random moments, whether or not earlier ones have ended."""

import asyncio
import random
import threading
import time
from dataclasses import dataclass


@dataclass
class Outcome:
    """One request: when it began, how long its client waited, and the status of the answer if one came whole."""

    began: float
    seconds: float
    status: int | None


class OpenLoop:
    """Sends exactly `rate` times `seconds` requests at random moments (a Poisson process of which the count is known).

    Each has a connection of its own, which is closed at the deadline.
    """

    def __init__(self, port: int, request: bytes, rate: float, seconds: float, deadline: float, seed: int = 1):
        self.port, self.request, self.seconds, self.deadline = port, request, seconds, deadline
        dice = random.Random(seed)
        self.moments = sorted(dice.uniform(0, seconds) for _ in range(round(rate * seconds)))
        self.outcomes: list[Outcome] = []

    def run(self) -> list[Outcome]:
        """Returns every outcome; takes the given seconds and one deadline more at most."""
        thread = threading.Thread(target=lambda: asyncio.run(self._arrivals()), daemon=True)
        thread.start()
        thread.join(self.seconds + self.deadline + 30)
        assert not thread.is_alive(), "a client hangs after its deadline"
        return self.outcomes

    async def _arrivals(self) -> None:
        started = time.monotonic()
        async with asyncio.TaskGroup() as running:
            for moment in self.moments:
                await asyncio.sleep(max(0.0, started + moment - time.monotonic()))
                running.create_task(self._one())

    async def _one(self) -> None:
        began, status = time.monotonic(), None
        try:
            status = await asyncio.wait_for(self._exchange(), self.deadline)
        except (OSError, EOFError, ValueError, asyncio.TimeoutError):
            pass
        self.outcomes.append(Outcome(began, time.monotonic() - began, status))

    async def _exchange(self) -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(self.request)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            if b"transfer-encoding: chunked" in head:
                while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
                    await reader.readexactly(size + 2)
                await reader.readexactly(2)
            else:
                await reader.readexactly(int(head.partition(b"content-length:")[2].partition(b"\r\n")[0]))
            return int(head.split(b" ")[1])
        finally:
            writer.close()
