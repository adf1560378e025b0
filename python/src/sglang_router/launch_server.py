"""`python -m sglang_router.launch_server`: starts SGLang servers on this host, and the router over them."""

import argparse
import random
import shlex
import signal
import socket
import sys
from typing import List, NoReturn, Optional, Tuple

from signalbox import RouterArgs, UnsupportedFeature
from signalbox.keeper import STOP_SIGNALS, Plan, Program, adopt_orphans, end_descendants
from signalbox.kept import Kept, plan_for
from signalbox.startup import Startup


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
    words = [_in_full(word, parser) for word in (sys.argv[1:] if arguments is None else arguments)]
    given, rest = parser.parse_known_args(words)
    # What is meant for the router must not go to the servers, which would say that they do not know it, or take it.
    meant = [word for word in rest if word.startswith("--router-")]
    if meant:
        parser.error(f"unrecognized argument for the router: {meant[0]} (write its name in full)")
    return given, rest


def _in_full(word: str, parser: argparse.ArgumentParser) -> str:
    """A flag for the router may be abbreviated as long as it is clear; one for the servers is theirs to read."""
    name, equals, value = word.partition("=")
    if not name.startswith("--router-"):
        return word
    names = [full for action in parser._actions for full in action.option_strings if full.startswith(name)]
    return f"{names[0]}{equals}{value}" if len(names) == 1 and name not in names else word


def server_command(given: argparse.Namespace, rest: List[str], rank: int, port: int) -> List[str]:
    if given.server_command:
        return [*shlex.split(given.server_command), "--host", given.host, "--port", str(port), *rest]
    return [
        sys.executable, "-m", "sglang.launch_server", "--host", given.host, "--port", str(port),
        "--tp-size", str(given.tp_size), "--base-gpu-id", str(given.base_gpu_id + rank * given.tp_size), *rest,
    ]


def servers(given: argparse.Namespace, rest: List[str], ports: List[int]) -> List[Program]:
    return [
        {"name": f"server {rank}", "command": server_command(given, rest, rank, port), "environment": {"SGLANG_DP_RANK": str(rank)}}
        for rank, port in enumerate(ports)
    ]


def run(plan: Plan, startup: Startup) -> int:
    """Returns the exit status of the whole. It ends in order by any of STOP_SIGNALS, and leaves no process whatever happens."""
    # When the keeper is killed, what it kept comes here.
    adopt_orphans()
    status = -1
    # From the keeper's start on, a signal is for the keeper.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    kept = Kept(plan)
    try:
        for number in STOP_SIGNALS:
            # A hangup is ignored below nohup.
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, lambda *_: kept.tell())
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        status = kept.wait(startup)
    finally:
        if status < 0:
            end_descendants()
    return status if status >= 0 else 1


def main(arguments: Optional[List[str]] = None) -> NoReturn:
    given, rest = parse(arguments)
    if not 1 <= given.dp_size <= 64:
        sys.exit("launch_server: --dp-size must be from 1 to 64.")
    try:
        ports = find_available_ports(given.router_dp_worker_base_port, given.dp_size)
        router_args = RouterArgs.from_cli_args(given, use_router_prefix=True)
        router_args.host, router_args.port = given.host, given.port
        host = f"[{given.host}]" if ":" in given.host else given.host
        router_args.worker_urls = [f"http://{host}:{port}" for port in ports]
        status = run(plan_for(router_args, "launch_server", servers(given, rest, ports)), Startup(router_args))
    except (UnsupportedFeature, OSError, RuntimeError) as error:
        print(f"launch_server: {error}", file=sys.stderr)
        status = 64 if isinstance(error, UnsupportedFeature) else 1
    sys.exit(status)


if __name__ == "__main__":
    main()
