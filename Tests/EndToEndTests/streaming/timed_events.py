"""A worker in a process of its own whose every event carries the moment at which it was sent.

Arguments: port, number of events, pause between two events in seconds. Serves any number of connections.
"""

import asyncio
import sys
import time

PROBES = {b"/health": b"", b"/v1/models": b'{"object":"list","data":[{"id":"timed","object":"model"}]}'}


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            path = head.split(b" ", 2)[1]
            length = 0
            for line in head.lower().split(b"\r\n"):
                if line.startswith(b"content-length:"):
                    length = int(line.partition(b":")[2])
            await reader.readexactly(length)
            if path in PROBES:
                body = PROBES[path]
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
                continue
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
            for _ in range(EVENTS):
                await asyncio.sleep(PAUSE)
                event = b'data: {"sent":%.9f}\n\n' % time.monotonic()
                writer.write(b"%x\r\n%s\r\n" % (len(event), event))
            event = b"data: [DONE]\n\n"
            writer.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(event), event))
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def main() -> None:
    server = await asyncio.start_server(serve, "127.0.0.1", PORT)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    PORT, EVENTS, PAUSE = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    asyncio.run(main())
