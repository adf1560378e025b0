#!/usr/bin/env python3
"""Replays a trace of conversations against Signalbox and sglang-router, with one router and with several.

Eight simulated workers, faster than real ones by --speedup; the client sends each request to one of the routers at random, in the
order of the trace and at even distances: its time stamps are rounded to 3 s.
Times are printed in the workers' time: a measured second is --speedup seconds. So the 50 ms between two datagrams of data planes
count as a second here: the figures of several data planes are worse than they would be at real speed.
"""

import argparse
import asyncio
import json
import os
import random
import statistics
import sys
import tempfile
import time
import urllib.request
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from contestants import SGLANG_ROUTER, environment
from installing import CannotPrepare, _run
from processes import Program, RunFailed, free_ports

PROJECT = Path(__file__).resolve().parents[2]
TRACE = "https://github.com/kvcache-ai/Mooncake (FAST25-release/traces/conversation_trace.jsonl)"
MODEL = "replayed"
BLOCK_TOKENS = 512
BYTES_PER_TOKEN = 4
START_SECONDS = 60.0


@dataclass(frozen=True)
class Request:
    at: float
    """When it is due, in the workers' seconds from the beginning."""
    body: bytes


@dataclass
class Outcome:
    first_token: float | None = None
    """In measured seconds from when the request was due; None: it failed."""
    fault: str | None = None


def text_of(block: int) -> str:
    """The text of one block: the same for the same number, and unlike all others from its first bytes on."""
    source = random.Random(block)
    words = f"{block:08x} "
    while len(words) < BLOCK_TOKENS * BYTES_PER_TOKEN:
        words += f"{source.getrandbits(64):016x} "
    return words[:BLOCK_TOKENS * BYTES_PER_TOKEN]


def read_trace(path: Path, count: int, rate: float) -> list[Request]:
    """The first requests of a trace, at `rate` requests in a second of the workers on average."""
    lines = [json.loads(line) for _, line in zip(range(count), path.open(encoding="utf-8"))]
    if not lines:
        raise CannotPrepare(f"{path} has no requests")
    texts: dict[int, str] = {}
    requests = []
    for number, line in enumerate(lines):
        blocks = [texts.setdefault(block, text_of(block)) for block in line["hash_ids"]]
        content = "".join(blocks)[:line["input_length"] * BYTES_PER_TOKEN]
        body = {"model": MODEL, "stream": True, "max_tokens": line["output_length"],
                "messages": [{"role": "user", "content": content}]}
        requests.append(Request(number / rate, json.dumps(body).encode()))
    return requests


async def send(request: Request, port: int, began: float, speedup: float, outcome: Outcome) -> None:
    due = began + request.at / speedup
    await asyncio.sleep(max(0.0, due - time.monotonic()))
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError as error:
        outcome.fault = str(error)
        return
    try:
        head = (f"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(request.body)}\r\nConnection: close\r\n\r\n")
        writer.write(head.encode() + request.body)
        status = (await reader.readuntil(b"\r\n\r\n")).split(b" ", 2)[1]
        if status != b"200":
            outcome.fault = f"status {status.decode()}"
            return
        await reader.readuntil(b"data:")
        first = time.monotonic() - due
        tail = b""
        while piece := await reader.read(65536):
            tail = (tail + piece)[-64:]
        if b"[DONE]" in tail:
            outcome.first_token = first
        else:
            outcome.fault = "the stream was cut"
    except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
        outcome.fault = type(error).__name__
    finally:
        writer.close()


async def replay(requests: list[Request], ports: list[int], speedup: float, seed: int) -> list[Outcome]:
    source = random.Random(seed)
    outcomes = [Outcome() for _ in requests]
    began = time.monotonic() + 0.5
    async with asyncio.TaskGroup() as group:
        for request, outcome in zip(requests, outcomes):
            group.create_task(send(request, source.choice(ports), began, speedup, outcome))
    return outcomes


def get(port: int, path: str) -> bytes:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
        return answer.read()


def wait_until(what: str, program: Program, condition) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        if program.process.poll() is not None:
            raise RunFailed(f"{program.name} has ended: see {program.log}")
        try:
            if condition():
                return
        except (OSError, ValueError, KeyError):
            pass
        if time.monotonic() > deadline:
            raise RunFailed(f"waited {START_SECONDS:.0f} s in vain for {what}")
        time.sleep(0.05)


def start_workers(stack: ExitStack, options: argparse.Namespace, folder: Path, cores: list[int]) -> list[int]:
    ports = free_ports(options.workers)
    for port in ports:
        worker = stack.enter_context(Program(f"worker-{port}", [
            str(options.bin_folder / "simulated-worker"), "--port", str(port), "--model", MODEL,
            "--speedup", str(options.speedup), "--prefill-tokens-per-second", str(options.prefill),
            "--cache-tokens", str(options.cache_tokens),
        ], folder, cores))
        wait_until("a worker", worker, lambda port=port: get(port, "/health") is not None)
    return ports


def start_signalbox(stack: ExitStack, options: argparse.Namespace, folder: Path, cores: list[int],
                    workers: list[int], routers: int) -> list[int]:
    admin, *ports = free_ports(1 + routers)
    plane = stack.enter_context(Program("signalbox", [
        str(options.bin_folder / "signalbox"), "control-plane", "--admin-port", str(admin),
        "--database", str(folder / "signalbox.db"), "--runtime-dir", str(folder / "run"), "--policy", "kv_cost",
        "--worker-urls", *(f"http://127.0.0.1:{port}" for port in workers),
    ], folder, cores))
    wait_until("the control plane", plane, lambda: get(admin, "/health") is not None)
    for port in ports:
        proxy = stack.enter_context(Program(f"signalbox-proxy-{port}", [
            str(options.bin_folder / "signalbox-proxy"), "--port", str(port), "--threads", "1", "--id", f"dp-{port}",
            "--control-socket", str(folder / "run" / "control.sock"), "--shutdown-grace-period-secs", "1",
        ], folder, cores))
        wait_until("all workers", proxy, lambda port=port: json.loads(get(port, "/readiness"))["healthy_workers"]
                   == len(workers))
    return ports


def start_sglang(stack: ExitStack, options: argparse.Namespace, folder: Path, cores: list[int],
                 workers: list[int], routers: int) -> list[int]:
    ports, metrics = free_ports(2 * routers)[:routers], free_ports(routers)
    python = environment(SGLANG_ROUTER, options.build_folder) / "bin" / "python"
    for port, metrics_port in zip(ports, metrics):
        router = stack.enter_context(Program(f"sglang-router-{port}", [
            str(python), "-m", "sglang_router.launch_router", "--host", "127.0.0.1", "--port", str(port),
            "--prometheus-port", str(metrics_port), "--prometheus-host", "127.0.0.1", "--policy", "cache_aware",
            "--log-level", "warn", "--max-concurrent-requests", "-1",
            "--worker-urls", *(f"http://127.0.0.1:{worker}" for worker in workers),
        ], folder, cores))
        # Its readiness says nothing of single workers; a model list comes from one that is known.
        wait_until("a router", router, lambda port=port: MODEL.encode() in get(port, "/v1/models"))
    return ports


CONTESTANTS = {"signalbox kv_cost": start_signalbox, "sglang-router cache_aware": start_sglang}


def measure(name: str, routers: int, requests: list[Request], options: argparse.Namespace) -> list[str]:
    cores = sorted(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory(prefix="replay") as path, ExitStack() as stack:
        folder = Path(path)
        workers = start_workers(stack, options, folder, cores)
        ports = CONTESTANTS[name](stack, options, folder, cores, workers, routers)
        before = [json.loads(get(port, "/stats")) for port in workers]
        outcomes = asyncio.run(replay(requests, ports, options.speedup, options.seed))
        after = [json.loads(get(port, "/stats")) for port in workers]
    faults = [outcome.fault for outcome in outcomes if outcome.first_token is None]
    if len(faults) > len(outcomes) // 100:
        raise RunFailed(f"{name}: {len(faults)} of {len(outcomes)} requests failed, as with: {faults[0]}")

    def total(field: str) -> int:
        return sum(now[field] - then[field] for then, now in zip(before, after))

    times = sorted(outcome.first_token * options.speedup for outcome in outcomes if outcome.first_token is not None)
    quantiles = statistics.quantiles(times, n=100, method="inclusive")
    hits = 100 * total("cached_tokens") / max(1, total("prompt_tokens"))
    return [name, str(routers), f"{hits:.1f} %", *(f"{value:.2f}" for value in (
        statistics.fmean(times), quantiles[49], quantiles[89], quantiles[98])), str(len(faults))]


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trace", type=Path, required=True, help=f"a trace in Mooncake's format: {TRACE}")
    parser.add_argument("--requests", type=int, default=2_000, help="requests from the beginning of the trace")
    parser.add_argument("--rate", type=float, default=4.5,
                        help="requests in a second of the workers; 5 are all that eight workers can prefill uncached")
    parser.add_argument("--speedup", type=float, default=20.0, help="how much faster than real ones the workers are")
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--routers", type=int, nargs="+", default=[1, 4], help="numbers of routers to compare")
    parser.add_argument("--contestants", nargs="+", choices=list(CONTESTANTS), default=list(CONTESTANTS))
    parser.add_argument("--prefill", type=float, default=10_000, help="prompt tokens that a worker computes in a second")
    parser.add_argument("--cache-tokens", type=int, default=1_000_000, help="tokens that the cache of a worker holds")
    parser.add_argument("--seed", type=int, default=1, help="which router gets which request")
    parser.add_argument("--bin-folder", type=Path, default=PROJECT / ".build" / "release")
    parser.add_argument("--build-folder", type=Path, default=Path(__file__).resolve().parent / ".build")
    parser.add_argument("--install", action="store_true", help=f"fetch {SGLANG_ROUTER} from PyPI first")
    options = parser.parse_args()
    if min(options.requests, options.rate, options.speedup, options.workers, *options.routers) <= 0:
        parser.error("--requests, --rate, --speedup, --workers and --routers must be greater than 0")
    return options


def main() -> int:
    options = parse()
    try:
        if options.install:
            folder = environment(SGLANG_ROUTER, options.build_folder)
            _run([sys.executable, "-m", "venv", str(folder)])
            _run([str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", SGLANG_ROUTER])
        requests = read_trace(options.trace, options.requests, options.rate)
        print("| router | routers | cache hits | mean TTFT s | p50 | p90 | p99 | failed |")
        print("|---|---|---|---|---|---|---|---|")
        for routers in options.routers:
            for name in options.contestants:
                print("|", " | ".join(measure(name, routers, requests, options)), "|", flush=True)
    except (CannotPrepare, RunFailed, OSError) as error:
        print(f"replay.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
