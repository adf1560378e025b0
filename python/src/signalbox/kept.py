"""A router in the hands of a keeper, seen by its owner."""

import json
import os
import signal
import subprocess
import threading
from multiprocessing.spawn import get_executable
from pathlib import Path
from typing import Optional, Sequence

from signalbox.keeper import STOP_SIGNALS, Plan, Program
from signalbox.programs import find_program
from signalbox.router_args import RouterArgs
from signalbox.startup import LOOK_SECONDS, Startup

KEEPER = Path(__file__).with_name("keeper.py")
# What the native program's own default is.
GRACE_SECONDS = 180
# What a router may need beyond its grace period, to end its own processes.
ROUTER_MARGIN_SECONDS = 30


def plan_for(args: RouterArgs, speaker: str, servers: Sequence[Program] = ()) -> Plan:
    """Raises UnsupportedFeature, and FileNotFoundError when there is no native program."""
    grace = GRACE_SECONDS if args.shutdown_grace_period_secs is None else args.shutdown_grace_period_secs
    return {
        "speaker": speaker,
        "router": {"name": "the router", "command": [find_program(), "launch", *args.command()], "environment": {}},
        "servers": list(servers),
        "router_seconds": (args.shutdown_delay_secs or 0) + grace + ROUTER_MARGIN_SECONDS,
    }


class Kept:
    """What a plan says, at work. It ends when this process does, in whatever way; that a thread ends means nothing."""

    def __init__(self, plan: Plan) -> None:
        """Raises OSError when there is no keeper to be had."""
        self.is_told = False
        self._waiting_thread: Optional[int] = None
        # What it is told before it listens waits for it: it inherits that these are blocked.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
        try:
            self._process = subprocess.Popen(
                # In a session of its own: what is done to this process's group or terminal is not done to the keeper.
                [os.fsdecode(get_executable()), "-S", str(KEEPER), str(os.getpid())], stdin=subprocess.PIPE,
                start_new_session=True,
            )
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        assert self._process.stdin is not None
        try:
            with self._process.stdin as to_keeper:
                to_keeper.write(json.dumps(plan).encode() + b"\n")
        except BrokenPipeError:
            pass  # Its exit status tells.

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def tell(self) -> None:
        """Tells it to stop, and waits for nothing: once, and requests may finish; twice, and they are cut."""
        # Of two signals with one number the second is lost while the first one waits.
        self._process.send_signal(signal.SIGINT if self.is_told else signal.SIGTERM)
        self.is_told = True

    def wait(self, startup: Startup) -> int:
        """Returns the exit status when all has ended; negative: the keeper was killed.

        An exception of the startup, or of a signal's handler, is raised when all has been stopped.
        """
        self._waiting_thread = threading.get_ident()
        try:
            while True:
                try:
                    return self._end(LOOK_SECONDS)
                except subprocess.TimeoutExpired:
                    if self.is_told or startup.is_over():
                        return self._end()
        except BaseException:
            self._waiting_thread = None
            self.stop()
            raise
        finally:
            self._waiting_thread = None

    def stop(self, seconds: Optional[float] = None) -> None:
        """Ends it, and cuts what is still served after so many seconds (None: when the router's grace period is over).

        In a signal's handler that interrupts `wait`, the waiting for the end is left to that.
        """
        if not self.is_running:
            return
        self.tell()
        if self._waiting_thread == threading.get_ident():
            return
        try:
            self._end(seconds)
        except BaseException as error:
            # It is late, or this is a second Ctrl-C.
            self.tell()
            self._end()
            if not isinstance(error, subprocess.TimeoutExpired):
                raise

    def wait_for_end(self) -> None:
        """Waits until what was told to stop has ended."""
        self._end()

    def _end(self, seconds: Optional[float] = None) -> int:
        """Waits for it, and holds no lock for long: handlers of signals may use this object meanwhile."""
        if seconds is None:
            try:
                os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)
            except ChildProcessError:
                pass  # Another thread was faster.
        return self._process.wait(seconds)
