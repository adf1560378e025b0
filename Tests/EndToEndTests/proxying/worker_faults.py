"""What a broken or hostile worker may send, and what its client may be told at most.

Every fault is played on a pooled connection that has served a good request before.
"""

from dataclasses import dataclass

from support.recording_worker import RecordedRequest, WorkerConnection

HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
POISON = HEAD + b"Content-Length: 6\r\n\r\npoison"


@dataclass(frozen=True)
class Fault:
    name: str
    sent: bytes
    """What the client may see: "502", "cut" (an end that no parser takes for a whole answer), or "right"."""
    allowed: tuple[str, ...]
    """How the worker goes on: it keeps the connection open, closes it (FIN), or resets it (RST)."""
    then: str = "keep"
    """The body that a right answer has."""
    body: bytes = b""
    status: int = 200
    method: str = "POST"
    """Whether the connection may serve again, because nothing about it was wrong."""
    may_reuse: bool = False

    def play(self, connection: WorkerConnection, _: RecordedRequest) -> bool | None:
        connection.send(self.sent)
        if self.then == "reset":
            connection.socket.setsockopt(*LINGER)
        return None if self.then == "keep" else False


# SOL_SOCKET, SO_LINGER of no seconds: close() sends RST.
LINGER = (1, 13, b"\1\0\0\0\0\0\0\0")

Refused = ("502",)
Cut = ("502", "cut")


def head(*lines: str, status: str = "200 OK", version: str = "HTTP/1.1", body: bytes = b"") -> bytes:
    return "\r\n".join((f"{version} {status}", *lines, "", "")).encode("latin-1") + body


FAULTS = [
    # Framing of the head
    Fault("both Transfer-Encoding and Content-Length",
          head("Transfer-Encoding: chunked", "Content-Length: 5", body=b"0\r\n\r\n"), Refused),
    Fault("204 that announces content, which may come late", head("Content-Length: 44", status="204 No Content"),
          ("right",), status=204),
    Fault("two lengths", head("Content-Length: 2", "Content-Length: 6", body=b"{}" + POISON), Refused),
    Fault("a list of different lengths", head("Content-Length: 2, 6", body=b"{}" + POISON), Refused),
    Fault("a negative length", head("Content-Length: -1", body=POISON), Refused),
    Fault("a length with a sign", head("Content-Length: +2", body=b"{}"), Refused),
    Fault("a length in hexadecimal", head("Content-Length: 0x2", body=b"{}"), Refused),
    Fault("an empty length", head("Content-Length:", body=POISON), Refused),
    Fault("a length past 64 bits", head("Content-Length: 18446744073709551618", body=b"{}"), Refused),
    Fault("a coding that is not chunked", head("Transfer-Encoding: gzip", body=b"x"), Refused, then="close"),
    Fault("chunked twice", head("Transfer-Encoding: chunked, chunked", body=b"0\r\n\r\n"), Refused),
    Fault("chunked in two fields",
          head("Transfer-Encoding: chunked", "Transfer-Encoding: chunked", body=b"0\r\n\r\n"), Refused),
    Fault("HTTP/1.0 with Transfer-Encoding",
          head("Transfer-Encoding: chunked", version="HTTP/1.0", body=b"2\r\n{}\r\n0\r\n\r\n"), Refused),
    # Syntax of the head
    Fault("an HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Refused),
    Fault("HTTP/2 settings", b"\0\0\0\4\0\0\0\0\0", Refused, then="close"),
    Fault("HTTP/2.0 in the status line", head("Content-Length: 2", version="HTTP/2.0", body=b"{}"), Refused),
    Fault("HTTP/0.9", b"<html>not found</html>\r\n", Refused, then="close"),
    Fault("status 099", head("Content-Length: 2", status="099 Low", body=b"{}"), Refused),
    Fault("status 600", head("Content-Length: 2", status="600 High", body=b"{}"), Refused),
    Fault("status abc", head("Content-Length: 2", status="abc Word", body=b"{}"), Refused),
    Fault("status of four digits", head("Content-Length: 2", status="2000 Long", body=b"{}"), Refused),
    Fault("a NUL in a value", head("X-A: a\0b", "Content-Length: 2", body=b"{}"), Refused),
    Fault("a bare CR in a value", head("X-A: a\rContent-Length: 6", "Content-Length: 2", body=b"{}"), Refused),
    Fault("a folded line", head("X-A: a", " Content-Length: 6", "Content-Length: 2", body=b"{}"), Refused),
    Fault("a space before the colon", head("Content-Length : 6", "Content-Length: 2", body=b"{}" + POISON), Refused),
    Fault("a line without a colon", head("Content-Length", "Content-Length: 2", body=b"{}"), Refused),
    Fault("an empty name", head(": 6", "Content-Length: 2", body=b"{}"), Refused),
    Fault("a space before the first field", head(" X-A: a", "Content-Length: 2", body=b"{}"), Refused),
    Fault("a head of 100,000 bytes", head("X-A: " + "a" * 100_000, "Content-Length: 2", body=b"{}"), Refused),
    Fault("a head of 2,000 fields", head(*["X-A: a"] * 2000, "Content-Length: 2", body=b"{}"), Refused),
    Fault("a head that never ends", HEAD + b"X-A: a\r\n" * 300_000, Refused),
    Fault("a status line that never ends", b"HTTP/1.1 200 " + b"a" * 300_000, Refused),
    Fault("a head that is cut", HEAD + b"Content-Le", Refused, then="close"),
    # Interim answers
    Fault("101 that nobody asked for", head("Upgrade: websocket", "Connection: Upgrade", status="101 Switching Protocols",
                                            body=b"\x81\x05hello"), Refused),
    Fault("a flood of 100", head(status="100 Continue") * 5000, Refused),
    Fault("a flood of 103", head("Link: </a>", status="103 Early Hints") * 5000, Refused),
    Fault("100 and then the end", head(status="100 Continue"), Refused, then="close"),
    Fault("100 with a length", head("Content-Length: 6", status="100 Continue", body=b"poison") + POISON, Refused),
    # Chunks
    Fault("a chunk size that is no number", CHUNKED + b"xy\r\n{}\r\n0\r\n\r\n", Cut),
    Fault("a negative chunk size", CHUNKED + b"-2\r\n{}\r\n0\r\n\r\n", Cut),
    Fault("a chunk size with 0x", CHUNKED + b"0x2\r\n{}\r\n0\r\n\r\n", Cut),
    Fault("an empty chunk size", CHUNKED + b"\r\n{}\r\n0\r\n\r\n", Cut),
    Fault("a chunk size past 64 bits", CHUNKED + b"10000000000000002\r\n{}\r\n0\r\n\r\n", Cut),
    Fault("a chunk without its CR LF", CHUNKED + b"2\r\n{}0\r\n\r\n", Cut),
    Fault("a chunk that is longer than it says", CHUNKED + b"2\r\n{}abc\r\n0\r\n\r\n", Cut),
    Fault("a chunk line that ends in LF", CHUNKED + b"2\n{}\r\n0\r\n\r\n", Cut),
    Fault("a chunk that ends in LF", CHUNKED + b"2\r\n{}\n0\r\n\r\n", Cut),
    Fault("a chunk extension that never ends", CHUNKED + b"2;" + b"a" * 200_000, Cut),
    Fault("trailers that never end", CHUNKED + b"2\r\n{}\r\n0\r\n" + b"X-A: a\r\n" * 50_000, Cut),
    Fault("an end in a chunk", CHUNKED + b"20\r\n{", Cut, then="close"),
    Fault("an end between chunks", CHUNKED + b"2\r\n{}\r\n", Cut, then="close"),
    Fault("an end in the last chunk", CHUNKED + b"2\r\n{}\r\n0\r\n", Cut, then="close"),
    Fault("a reset in a chunk", CHUNKED + b"20\r\n{", Cut, then="reset"),
    # Lengths
    Fault("an end before the length", head("Content-Length: 100", body=b"short"), Cut, then="close"),
    Fault("a reset before the length", head("Content-Length: 100", body=b"short"), Cut, then="reset"),
    # More than was asked for
    Fault("bytes behind a length", head("Content-Length: 2", body=b"{}" + POISON), ("right",), body=b"{}"),
    Fault("bytes behind the last chunk", CHUNKED + b"2\r\n{}\r\n0\r\n\r\n" + POISON, ("right",), body=b"{}"),
    Fault("one line feed behind a length", head("Content-Length: 2", body=b"{}\n"), ("right",), body=b"{}"),
    Fault("204 with a body", head(status="204 No Content", body=POISON), ("right",), status=204),
    Fault("204 with a length", head("Content-Length: 6", status="204 No Content", body=b"poison"),
          ("right", "502"), status=204),
    Fault("204 with chunks", head("Transfer-Encoding: chunked", status="204 No Content", body=b"6\r\npoison\r\n0\r\n\r\n"),
          ("right", "502"), status=204),
    Fault("304 with a body", head("Content-Length: 6", status="304 Not Modified", body=b"poison"), ("right",), status=304),
    # HTTP/1.0
    Fault("HTTP/1.0 without keep-alive", head("Content-Length: 2", version="HTTP/1.0", body=b"{}"), ("right",), body=b"{}"),
    Fault("HTTP/1.0 with keep-alive and no length",
          head("Connection: keep-alive", version="HTTP/1.0", body=b"{}"), ("right",), then="close", body=b"{}"),
    Fault("HTTP/1.0 with keep-alive and a length", head("Connection: keep-alive", "Content-Length: 2", version="HTTP/1.0",
                                                        body=b"{}"), ("right",), body=b"{}", may_reuse=True),
    Fault("close and keep-alive", head("Connection: keep-alive, close", "Content-Length: 2", body=b"{}"), ("right",),
          body=b"{}"),
    Fault("close in the second field", head("Connection: keep-alive", "Connection: CLOSE", "Content-Length: 2", body=b"{}"),
          ("right",), body=b"{}"),
]

