"""Clients that vanish, stall, drip and send nonsense. Nothing is expected for them, but that they leave nothing behind."""

import asyncio
import random

from soak.exchange import completion, connect, read_answer

CHAOS = "chaos"
MODELS = (CHAOS, CHAOS, "steady", "unknown")


async def end(writer: asyncio.StreamWriter) -> None:
    """Leaves with a reset or in an orderly way."""
    if random.random() < 0.5:
        writer.transport.abort()
    else:
        writer.close()


async def vanish_in_request(port: int) -> None:
    """Leaves at any byte of the request, the first and the last included."""
    _, writer = await connect(port)
    data = completion(random.choice(MODELS), padding=random.choice((0, 5_000, 2_000_000)))
    writer.write(data[:random.randrange(len(data) + 1)])
    await asyncio.sleep(random.random() * 0.2)
    await end(writer)


async def vanish_in_answer(port: int) -> None:
    """Leaves while the worker thinks, or in the middle of the stream."""
    reader, writer = await connect(port)
    writer.write(completion(random.choice(MODELS), stream=True, max_tokens=500))
    for _ in range(random.randrange(4)):
        await asyncio.wait_for(reader.read(300), 3)
    await end(writer)


async def answer_to_the_end(port: int) -> None:
    """An ordinary request to workers that fail."""
    reader, writer = await connect(port)
    try:
        for _ in range(3):
            writer.write(completion(CHAOS, stream=random.random() < 0.5))
            if not (await read_answer(reader, 20)).keeps_alive:
                break
    finally:
        writer.close()


async def slow_reader(port: int) -> None:
    """Takes a little now and then, and leaves in the middle."""
    reader, writer = await connect(port, receive_buffer=2048)
    writer.write(completion(random.choice(MODELS), stream=True, max_tokens=2000))
    for _ in range(random.randrange(1, 20)):
        await asyncio.sleep(0.2)
        if not await reader.read(500):
            break
    await end(writer)


async def flooder(port: int) -> None:
    """Sends requests ahead and reads none of the answers."""
    _, writer = await connect(port, receive_buffer=2048)
    writer.write((b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n" + completion("steady")) * random.randrange(1, 200))
    await asyncio.sleep(random.random() * 2)
    await end(writer)


async def drip(port: int) -> None:
    """A head or a body, byte by byte, until somebody loses patience."""
    reader, writer = await connect(port)
    data = completion(CHAOS)
    start = random.choice((10, data.index(b"\r\n\r\n") + 6))
    writer.write(data[:start])
    for byte in data[start:start + 60]:
        writer.write(bytes((byte,)))
        await writer.drain()
        await asyncio.sleep(0.1)
        if reader.at_eof() or writer.is_closing():
            break
    await end(writer)


async def half_close(port: int) -> None:
    """Ends its sending side behind the request."""
    reader, writer = await connect(port)
    writer.write(completion(random.choice(MODELS), stream=True))
    writer.write_eof()
    await asyncio.wait_for(reader.read(), 20)
    await end(writer)


async def garbage(port: int) -> None:
    """Bytes that are no request, or nearly one."""
    reader, writer = await connect(port)
    data = bytearray(completion(CHAOS))
    for _ in range(random.randrange(1, 20)):
        data[random.randrange(len(data))] = random.randrange(256)
    writer.write(random.choice((bytes(data), random.randbytes(random.randrange(1, 5_000)), b"\r\n" * 100)))
    await asyncio.wait_for(reader.read(), 10)
    await end(writer)


async def idle(port: int) -> None:
    """Says nothing."""
    _, writer = await connect(port)
    await asyncio.sleep(random.random() * 8)
    await end(writer)


KINDS = (vanish_in_request, vanish_in_answer, answer_to_the_end, slow_reader, flooder, drip, half_close, garbage, idle)


async def client(port: int, number: int, counts: dict[str, int], stopping: asyncio.Event) -> None:
    """One client that plays its part again and again."""
    kind = KINDS[number % len(KINDS)]
    while not stopping.is_set():
        try:
            await kind(port)
        except (OSError, EOFError, ValueError, TimeoutError):
            # Whatever the router does to such a client is right, as long as it goes on itself.
            await asyncio.sleep(0.05)
        counts[kind.__name__] = counts.get(kind.__name__, 0) + 1
        await asyncio.sleep(random.random() * 0.1)
