"""Addresses, and free ports below the range from which the kernel takes ports of outgoing connections."""

import os
import random
import socket
import subprocess

_given: set[int] = set()
# The router's own: tests that rely on a default must find it free.
_DEFAULTS = {29_000, 30_000, 30_001}
_FIRST, _END = 12_000, 32_000
# Processes of tests that run at a time have a part of the range each, so that ports next to one another are one's own.
_PROCESSES = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
_PROCESS = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % _PROCESSES
_PART = (_END - _FIRST) // _PROCESSES


def free_port() -> int:
    """A port that nothing listens on and that was not handed out before by this run."""
    for _ in range(1000):
        port = _FIRST + _PROCESS * _PART + random.randrange(_PART)
        if port in _given or port in _DEFAULTS:
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("0.0.0.0", port))
            except OSError:
                continue
        _given.add(port)
        return port
    raise AssertionError("no free port was found")


def own_address() -> str | None:
    """An address of this machine that is not a loopback one."""
    listing = subprocess.run(["hostname", "-I"], capture_output=True, text=True).stdout.split()
    return next((address for address in listing if "." in address and not address.startswith("127.")), None)


def is_listening(port: int, host: str = "127.0.0.1") -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((host, port)) == 0
