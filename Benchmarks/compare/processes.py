"""Programs that this script starts: each in a session of its own, pinned, with its output in a file, and ended."""

import os
import random
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Self

from machine import process_tree

GRACE_SECONDS = 5.0


class RunFailed(Exception):
    """A run that must not be counted and must not be hidden."""


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody listens on, below the range that the kernel gives to outgoing connections."""
    found: list[int] = []
    for _ in range(1000):
        port = random.randrange(12_000, 32_000)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("0.0.0.0", port))
            except OSError:
                continue
        if port not in found:
            found.append(port)
        if len(found) == count:
            return found
    raise RunFailed("no free ports were found between 12000 and 32000")


class Program:
    """A running program and its descendants; leaving the `with` block ends all of them."""

    def __init__(self, name: str, command: list[str], folder: Path, cores: list[int], reads_output: bool = False,
                 environment: dict[str, str] | None = None) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        # setpriv ends the program when this script is killed: the signal survives the two exec calls.
        prefix = ["setpriv", "--pdeathsig", "TERM", "taskset", "-c", ",".join(str(core) for core in cores)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                prefix + command, cwd=folder, stdin=subprocess.DEVNULL, stderr=log,
                stdout=subprocess.PIPE if reads_output else log, text=True, start_new_session=True,
                env=os.environ | (environment or {}),
            )

    @property
    def pid(self) -> int:
        return self.process.pid

    def tree(self) -> list[int]:
        return process_tree(self.pid)

    def line(self) -> str:
        """The next line of the program's output; fails when the program has ended instead."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline().rstrip("\n")
        if not line:
            self.process.wait(GRACE_SECONDS)
            raise RunFailed(f"{self.name} ended with status {self.process.returncode}: {self.last_words()}")
        return line

    def expect(self, wanted: str) -> None:
        line = self.line()
        if line != wanted:
            raise RunFailed(f"{self.name} said {line!r} in place of {wanted!r}")

    def last_words(self) -> str:
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return " | ".join(lines[-8:]) or "it said nothing"

    def fail_if_ended(self) -> None:
        if self.process.poll() is not None:
            raise RunFailed(f"{self.name} ended with status {self.process.returncode}: {self.last_words()}")

    def end(self) -> str:
        """Asks the program to end, insists after a while, and returns what it still printed."""
        family = self.tree()
        _signal([self.pid], signal.SIGTERM)
        output = ""
        try:
            output = self.process.communicate(timeout=GRACE_SECONDS)[0] or ""
        except subprocess.TimeoutExpired:
            pass
        # Descendants of a parent that has ended are not found again: those that were seen before are.
        deadline = time.monotonic() + GRACE_SECONDS
        while (left := [pid for pid in family if _is_alive(pid, self.pid)]) and time.monotonic() < deadline:
            _signal(left, signal.SIGTERM)
            time.sleep(0.02)
        _signal(left, signal.SIGKILL)
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        return output

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
        if self.process.stdout is not None:
            self.process.stdout.close()


def _is_alive(pid: int, session: int) -> bool:
    """Whether a process of the session lives; a number that was given to another program since does not count."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return fields[0] != "Z" and int(fields[3]) == session


def _signal(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue
