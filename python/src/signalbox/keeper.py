"""Starts a router, and the servers below it if there are any; ends them with all that they have started when it is told to,
when one of them ends, and when its owner is gone.

It is a process of its own, as only that can look after what a killed owner leaves, and needs the standard library only:

    python -S keeper.py PID_OF_THE_OWNER <<<'a plan in JSON, on one line'
"""

import ctypes
import json
import os
import select
import signal
import subprocess
import sys
import time
from typing import Dict, Iterator, List, NoReturn, Optional, Tuple, TypedDict

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP)
# How long everything but the router may take to end before it is killed, in seconds.
STOP_SECONDS = 5.0
# How long the kernel may take to end what was killed.
KILL_SECONDS = 10.0
# How often the owner is looked at.
LOOK_SECONDS = 0.25
# The exit status that says the system would not start it, EX_OSERR.
CANNOT_START = 71

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
_prctl = ctypes.CDLL(None).prctl


class Program(TypedDict):
    """What is started, and how messages call it."""

    name: str
    command: List[str]
    environment: Dict[str, str]


class Plan(TypedDict):
    """What a keeper is told by its owner."""

    # In whose name it speaks.
    speaker: str
    router: Program
    servers: List[Program]
    # The router ends itself well within this time; later, it hangs.
    router_seconds: float


class Keeper:
    """One thread, that the death of this process may be a signal to its children, and no handlers: signals wait to be read."""

    def __init__(self, plan: Plan, owner: int) -> None:
        self._plan = plan
        self._owner = owner
        self._servers: List["subprocess.Popen[bytes]"] = []
        self._router: Optional["subprocess.Popen[bytes]"] = None
        # How often it was told to stop.
        self._told = 0

    def run(self) -> int:
        """Returns the router's exit status when it was told to stop or there is nothing but the router, else 1."""
        is_over = False
        try:
            self._start()
            is_over = self._wait()
        except OSError as error:
            self._say(f"cannot start {error.filename or 'a program'}: {error.strerror}.")
        except RuntimeError as error:
            self._say(f"{error}")
        finally:
            left = self._end()
        if left:
            self._say(f"could not end the processes {', '.join(map(str, left))}.")
            return 1
        if self._router is None:
            return 1 if self._plan["servers"] else CANNOT_START
        status = self._router.returncode
        return (status if status >= 0 else 128 - status) if is_over else 1

    def _start(self) -> None:
        for server in self._plan["servers"]:
            self._servers.append(self._begin(server, signal.SIGKILL))
        self._router = self._begin(self._plan["router"], signal.SIGTERM)

    def _begin(self, program: Program, at_death: signal.Signals) -> "subprocess.Popen[bytes]":
        """`at_death` is what the program gets when this process is killed."""
        keeper = os.getpid()

        def prepare() -> None:
            signal.pthread_sigmask(signal.SIG_SETMASK, [])
            _prctl(PR_SET_PDEATHSIG, at_death)
            if os.getppid() != keeper:
                os._exit(1)

        return subprocess.Popen(
            program["command"], env={**os.environ, **program["environment"]}, stdin=subprocess.DEVNULL,
            start_new_session=True, preexec_fn=prepare,
        )

    def _wait(self) -> bool:
        """Waits for a reason to end all of it; returns whether it is one for which the router's status speaks."""
        assert self._router is not None
        while self._told == 0:
            if self._router.returncode is not None:
                if not self._servers:
                    return True
                raise RuntimeError(f"the router ended with status {self._router.returncode}; all of it ends.")
            for server, program in zip(self._servers, self._plan["servers"]):
                if server.returncode is not None:
                    raise RuntimeError(f"{program['name']} ended with status {server.returncode}; all of it ends.")
            self._look()
        return True

    def _look(self) -> None:
        """Waits for a signal, for a moment, and takes note of what has happened."""
        heard = signal.sigtimedwait({*STOP_SIGNALS, signal.SIGCHLD}, LOOK_SECONDS)
        if heard is not None and heard.si_signo != signal.SIGCHLD:
            self._told += 1
        if os.getppid() != self._owner:
            self._told = max(self._told, 1)
        for pid, status in reaped():
            for child in (*self._servers, self._router):
                if child is not None and child.pid == pid:
                    child.returncode = status

    def _end(self) -> List[int]:
        """The router first, so that requests finish; then whatever there is. Returns what could not be ended."""
        if self._router is not None:
            self._drain(self._router)
        left = end_descendants()
        for server in self._servers:
            # Python would warn of what nobody has waited for.
            server.poll()
        return left

    def _drain(self, router: "subprocess.Popen[bytes]") -> None:
        end = time.monotonic() + self._plan["router_seconds"]
        told = -1
        while router.returncode is None and time.monotonic() < end:
            if told != self._told:
                # Told again, the router cuts what it still serves; the same signal could be lost beside the first one.
                os.kill(router.pid, signal.SIGTERM if told < 0 else signal.SIGINT)
                if told >= 0:
                    end = min(end, time.monotonic() + STOP_SECONDS)
                told = self._told
            self._look()
        if router.returncode is None:
            os.kill(router.pid, signal.SIGKILL)
            while router.returncode is None:
                self._look()

    def _say(self, words: str) -> None:
        """On standard error, unless its reader does not read: nothing may keep this process from ending the others."""
        try:
            if select.select([], [2], [], 0)[1]:
                os.write(2, f"{self._plan['speaker']}: {words}\n".encode())
        except OSError:
            pass


def adopt_orphans() -> None:
    """Makes this process the parent of every descendant whose own parent ends, so that none is lost, in whatever session it is."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def reaped() -> Iterator[Tuple[int, int]]:
    """Children that have ended, and their exit statuses; each is told once."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        yield pid, os.waitstatus_to_exitcode(status)


def descendants() -> List[int]:
    """Every process that comes from this one, zombies included: their threads may still run."""
    children: Dict[int, List[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat", "rb") as file:
                    # The name of the program, in brackets, may hold anything.
                    parent = int(file.read().rpartition(b")")[2].split()[1])
            except OSError:
                continue  # It has ended meanwhile.
            children.setdefault(parent, []).append(int(entry))
    found = children.get(os.getpid(), [])
    for pid in found:
        found.extend(children.get(pid, []))
    return found


def end_descendants() -> List[int]:
    """Asks them to end, kills what is left after STOP_SECONDS, and returns what even that did not end."""
    begun = time.monotonic()
    _signal(descendants(), signal.SIGTERM)
    while True:
        for _ in reaped():
            pass
        left = descendants()
        passed = time.monotonic() - begun
        if not left or passed > STOP_SECONDS + KILL_SECONDS:
            return left
        if passed > STOP_SECONDS:
            _signal(left, signal.SIGKILL)
        time.sleep(0.02)


def _signal(processes: List[int], number: signal.Signals) -> None:
    for pid in processes:
        try:
            os.kill(pid, number)
        except (ProcessLookupError, PermissionError):
            pass


def main() -> NoReturn:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_BLOCK, {*STOP_SIGNALS, signal.SIGCHLD})
    owner = int(sys.argv[1])
    plan = sys.stdin.readline()
    # An owner that dies before it has said what to do wants nothing.
    if not plan.endswith("\n") or os.getppid() != owner:
        sys.exit(1)
    adopt_orphans()
    sys.exit(Keeper(json.loads(plan), owner).run())


if __name__ == "__main__":
    main()
