"""A data plane without any routing: speaks the protocol on a raw Unix socket and keeps what it receives."""

import hashlib
import json
import os
import socket
import threading
from pathlib import Path

HEARTBEAT_SECONDS = 0.5


class SnapshotClient:
    """Connects, says hello, and reads messages one at a time."""

    def __init__(self, path: Path | str, name: str = "test", hello: dict | None = None, timeout: float = 10):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(timeout)
        self.socket.connect(str(path))
        self.buffer = b""
        self._sending = threading.Lock()
        self._closed = threading.Event()
        self.applied: dict | None = None
        self.send({
            "type": "hello", "protocol": {"major": 1, "minor": 0}, "id": name, "pid": os.getpid(),
            "software": "test", "features": [], **(hello or {}),
        })
        threading.Thread(target=self._beat, daemon=True).start()

    def __enter__(self) -> "SnapshotClient":
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()
        self.socket.close()

    def _beat(self) -> None:
        while not self._closed.wait(HEARTBEAT_SECONDS):
            try:
                self.send({
                    "type": "heartbeat", "applied": self.applied, "in_flight": 0, "connections": 0, "requests": 0,
                    "draining": False,
                })
            except OSError:
                return

    def send(self, message: dict) -> None:
        with self._sending:
            self.socket.sendall(json.dumps(message).encode() + b"\n")

    def line(self) -> bytes:
        while b"\n" not in self.buffer:
            data = self.socket.recv(1 << 20)
            if not data:
                raise EOFError("the control plane closed the connection")
            self.buffer += data
        line, _, self.buffer = self.buffer.partition(b"\n")
        return line + b"\n"

    def message(self, kind: str) -> dict:
        """The next message of a kind; others are passed over, snapshot documents with their headers."""
        while True:
            message = json.loads(self.line())
            if message["type"] == kind:
                return message
            if message["type"] == "snapshot":
                self.line()

    def snapshot(self, acknowledge: bool = True) -> tuple[dict, bytes]:
        """The next snapshot: its header, and the document's line with its line feed."""
        header = self.message("snapshot")
        document = self.line()
        if acknowledge:
            self.acknowledge(header)
        return header, document

    def snapshot_at(self, sequence: int) -> tuple[dict, bytes]:
        """The first snapshot that is not older than `sequence`; a burst may be published in several steps."""
        while True:
            header, document = self.snapshot()
            if header["sequence"] >= sequence:
                return header, document

    def acknowledge(self, header: dict) -> None:
        self.applied = {"epoch": header["epoch"], "sequence": header["sequence"]}
        self.send({"type": "ack"} | self.applied)

    def reject(self, header: dict, reason: str) -> None:
        version = {"epoch": header["epoch"], "sequence": header["sequence"]}
        self.send({"type": "nack", "version": version, "reason": reason, "violations": []})


def digest(document: bytes) -> str:
    return "sha256:" + hashlib.sha256(document).hexdigest()
