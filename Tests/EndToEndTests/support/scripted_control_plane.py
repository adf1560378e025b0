"""Plays a control plane towards one data plane: publishes what its test says and keeps what it is answered."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.fleet import DataPlane, Workbench
from support.snapshots import HEARTBEAT_SECONDS, digest
from support.waiting import wait_for

EPOCH = "11111111-2222-4333-8444-555555555555"


def document(sequence: int, workers: tuple[str, ...] = (), policy: str = "least_load", settings: dict | None = None,
             models: dict[str, dict] | None = None, served: dict[str, str] | None = None,
             pending: bool = False) -> dict:
    """A whole snapshot; every worker is ready without being probed, or `pending` and nobody probes it.

    `models` are the settings of single models by name; `served` names the one model of a worker by its URL.
    """
    return {
        "schema": {"major": 1, "minor": 0}, "version": {"epoch": EPOCH, "sequence": sequence}, "required_features": [],
        "workers": [
            {"id": identity(1, number), "incarnation": identity(2, number), "url": url,
             "models": cards(served, url), "role": "regular",
             "weight": 1, "intent": "active", "labels": {}, "health_check": pending, "was_ready": not pending}
            for number, url in enumerate(workers)
        ],
        "policy": {"name": policy, "parameters": {}},
        "models": [{"model": name} | limits for name, limits in (models or {}).items()], "settings": settings or {},
    }


def cards(served: dict[str, str] | None, url: str) -> list[dict]:
    """The model cards of a worker; without any it takes requests for every model."""
    name = (served or {}).get(url)
    return [{"id": name, "card": json.dumps({"id": name})}] if name else []


def identity(kind: int, number: int) -> str:
    return f"{kind:08x}-0000-4000-8000-{number:012x}"


class ScriptedControlPlane:
    """Listens on a Unix socket for one data plane at a time."""

    def __init__(self, path: Path):
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen()
        self.listener.settimeout(10)
        self.received: list[dict] = []
        self._sending = threading.Lock()
        self._closed = threading.Event()

    def __enter__(self) -> "ScriptedControlPlane":
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()
        self.listener.close()
        if hasattr(self, "connection"):
            self.connection.close()

    def accept(self) -> dict:
        """Waits for the data plane, and returns its hello."""
        self.connection, _ = self.listener.accept()
        threading.Thread(target=self._read, daemon=True).start()
        threading.Thread(target=self._beat, daemon=True).start()
        return wait_for("the data plane's hello", lambda: self.received and self.received[0])

    def send(self, *lines: bytes) -> None:
        with self._sending:
            self.connection.sendall(b"".join(lines))

    def publish(self, snapshot: dict, line: bytes | None = None) -> dict:
        """Sends a snapshot, or another line under its header; returns the ack or nack."""
        encoded = json.dumps(snapshot).encode() + b"\n"
        header = {"type": "snapshot", **snapshot["version"], "bytes": len(encoded), "digest": digest(encoded)}
        known = len(self.answers())
        self.send(json.dumps(header).encode() + b"\n", line or encoded)
        wait_for("the data plane's answer", lambda: len(self.answers()) > known)
        return self.answers()[known]

    def answers(self) -> list[dict]:
        return [message for message in self.received if message["type"] in ("ack", "nack")]

    def heartbeats(self) -> list[dict]:
        return [message for message in self.received if message["type"] == "heartbeat"]

    def _read(self) -> None:
        try:
            with self.connection.makefile("rb") as reader:
                for line in reader:
                    self.received.append(json.loads(line))
        except (OSError, ValueError):
            return

    def _beat(self) -> None:
        while not self._closed.wait(HEARTBEAT_SECONDS):
            try:
                self.send(b'{"type":"heartbeat"}\n')
            except OSError:
                return


@contextmanager
def serving(bench: Workbench, *workers: str, settings: dict | None = None, models: dict[str, dict] | None = None,
            served: dict[str, str] | None = None, pending: bool = False, flags: tuple[object, ...] = ("--threads", 1),
            host: str | None = None, prefix: tuple[str, ...] = ()) -> Iterator[tuple["ScriptedControlPlane", DataPlane]]:
    """A data plane that serves the workers under these settings."""
    path = bench.folder / f"control-{len(bench.processes)}.sock"
    with ScriptedControlPlane(path) as plane:
        proxy = bench.data_plane(path, *flags, *(("--host", host) if host else ()), prefix=prefix)
        plane.accept()
        answer = plane.publish(document(1, workers, settings=settings, models=models, served=served, pending=pending))
        assert answer["type"] == "ack", answer
        yield plane, proxy
