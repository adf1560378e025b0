"""`python -m sglang_router.launch_server`: starts SGLang servers on this host, and the router over them."""

import argparse
import ctypes
import os
import random
import shlex
import signal
import socket
import subprocess
import sys
import time
from typing import List, NoReturn, Optional, Tuple

from signalbox import RouterArgs, UnsupportedFeature, find_program
from signalbox.startup import Startup

# How long a server may take to end before it is killed, in seconds.
STOP_SECONDS = 5
PR_SET_PDEATHSIG = 1


def find_available_ports(base: int, count: int) -> List[int]:
    """Free ports from `base` on, some hundred apart, so that servers have room for further ones of their own."""
    ports: List[int] = []
    port = base
    while len(ports) < count:
        if port > 65535:
            raise RuntimeError(f"There are no {count} free ports from {base} on; choose another --router-dp-worker-base-port.")
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            try:
                probe.bind(("127.0.0.1", port))
                ports.append(port)
            except OSError:
                pass
        port += random.randint(100, 1000)
    return ports


def parse(arguments: Optional[List[str]]) -> Tuple[argparse.Namespace, List[str]]:
    parser = argparse.ArgumentParser(
        prog="python -m sglang_router.launch_server",
        description="SGLang servers on this host and a router over them. Flags that are not listed here go to every server.",
        allow_abbrev=False,
    )
    parser.add_argument("--host", default="127.0.0.1", help="where clients, and the servers, are reached")
    parser.add_argument("--port", type=int, default=30000, help="the router's port")
    parser.add_argument("--dp-size", "--data-parallel-size", "--dp", type=int, default=1, help="number of servers")
    parser.add_argument("--tp-size", "--tensor-parallel-size", "--tp", type=int, default=1, help="GPUs of each server")
    parser.add_argument("--base-gpu-id", type=int, default=0, help="the first server's first GPU")
    parser.add_argument("--server-command", help="what starts one server, instead of python -m sglang.launch_server")
    parser.add_argument("--router-dp-worker-base-port", type=int, default=31000, help="the first server's port")
    RouterArgs.add_cli_args(parser, use_router_prefix=True, exclude_host_port=True)
    given, rest = parser.parse_known_args(arguments)
    # What is meant for the router must not go to the servers, which would say that they do not know it, or take it.
    meant = [word for word in rest if word.startswith("--router-")]
    if meant:
        parser.error(f"unrecognized argument for the router: {meant[0]} (write its name in full)")
    return given, rest


def server_command(given: argparse.Namespace, rest: List[str], rank: int, port: int) -> List[str]:
    if given.server_command:
        return [*shlex.split(given.server_command), "--host", given.host, "--port", str(port), *rest]
    return [
        sys.executable, "-m", "sglang.launch_server", "--host", given.host, "--port", str(port),
        "--tp-size", str(given.tp_size), "--base-gpu-id", str(given.base_gpu_id + rank * given.tp_size), *rest,
    ]


def _die_with_parent() -> None:
    """The kernel ends a server whose launcher was killed in whatever way; the launcher has one thread."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Children:
    """The servers and the router; whatever happens, none is left."""

    def __init__(self) -> None:
        self.servers: List["subprocess.Popen[bytes]"] = []
        self.router: Optional["subprocess.Popen[bytes]"] = None

    def start(self, command: List[str], **environment: str) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            command, env={**os.environ, **environment}, start_new_session=True, preexec_fn=_die_with_parent
        )

    def stop(self, router_seconds: float) -> None:
        """The router first, so that requests finish; then the servers."""
        if self.router is not None and self.router.poll() is None:
            self.router.send_signal(signal.SIGTERM)
            try:
                self.router.wait(timeout=router_seconds)
            except subprocess.TimeoutExpired:
                self._signal(self.router, signal.SIGKILL)
        for server in self.servers:
            self._signal(server, signal.SIGTERM)
        end = time.monotonic() + STOP_SECONDS
        for server in self.servers:
            try:
                server.wait(timeout=max(0.0, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                self._signal(server, signal.SIGKILL)
                server.wait()

    @staticmethod
    def _signal(child: "subprocess.Popen[bytes]", number: int) -> None:
        """To all processes of a child: it leads a group of its own."""
        try:
            os.killpg(child.pid, number)
        except ProcessLookupError:
            pass


class _Stopped(Exception):
    pass


def _stop(number: int, frame: object) -> None:
    raise _Stopped()


def main(arguments: Optional[List[str]] = None) -> NoReturn:
    given, rest = parse(arguments)
    if not 1 <= given.dp_size <= 64:
        sys.exit("launch_server: --dp-size must be from 1 to 64.")
    children = Children()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, _stop)
    status = 1
    grace = given.router_shutdown_grace_period_secs or 180
    try:
        ports = find_available_ports(given.router_dp_worker_base_port, given.dp_size)
        router_args = RouterArgs.from_cli_args(given, use_router_prefix=True)
        router_args.host, router_args.port = given.host, given.port
        router_args.worker_urls = [f"http://{given.host}:{port}" for port in ports]
        command = [find_program(), "launch", *router_args.command()]
        for rank, port in enumerate(ports):
            children.servers.append(
                children.start(server_command(given, rest, rank, port), SGLANG_DP_RANK=str(rank))
            )
        children.router = children.start(command)
        status = watch(children, Startup(router_args))
    except _Stopped:
        status = 0
    except (UnsupportedFeature, FileNotFoundError, RuntimeError) as error:
        print(f"launch_server: {error}", file=sys.stderr)
        status = 64 if isinstance(error, UnsupportedFeature) else 1
    finally:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            signal.signal(number, signal.SIG_IGN)
        children.stop(grace)
    sys.exit(status)


def watch(children: Children, startup: Startup) -> int:
    """Waits until one of them ends; returns the exit status of the whole.

    Raises RuntimeError when the servers are not healthy in time.
    """
    is_over = False
    while True:
        assert children.router is not None
        status = children.router.poll()
        if status is not None:
            print(f"launch_server: the router ended with status {status}.", file=sys.stderr)
            return 1
        for rank, server in enumerate(children.servers):
            if server.poll() is not None:
                print(f"launch_server: server {rank} ended with status {server.returncode}; all of it ends.",
                      file=sys.stderr)
                return 1
        is_over = is_over or startup.is_over()
        time.sleep(0.2)


if __name__ == "__main__":
    main()
