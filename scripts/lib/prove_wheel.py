"""Runs inside the chroot of prove_wheel.sh, by the Python of the virtual environment that has the wheel."""

import ctypes.util
import fcntl
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import openai

ROUTER = "http://127.0.0.1:30000"
METRICS = "http://127.0.0.1:29000/metrics"
WORKERS = [f"http://127.0.0.1:{port}" for port in (8001, 8002)]
ADDED = "http://127.0.0.1:8003"
ENVIRONMENT = Path(sys.prefix)
SECONDS_MAX = 30


def say(text: str) -> None:
    print(f"    {text}", flush=True)


def ask(method: str, url: str) -> str:
    with urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=SECONDS_MAX) as answer:
        return answer.read().decode()


def loopback_up() -> None:
    """A new network namespace has a loopback interface that is down."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, 0x8914, struct.pack("16sH14x", b"lo", 0x1 | 0x40))  # SIOCSIFFLAGS: IFF_UP, IFF_RUNNING


def wait_for(what: str, url: str) -> None:
    deadline = time.monotonic() + SECONDS_MAX
    while True:
        try:
            ask("GET", url)
            return
        except OSError:
            if time.monotonic() > deadline:
                sys.exit(f"error: {what} does not answer on {url}")
            time.sleep(0.1)


def processes() -> dict[int, str]:
    """Native programs that run, and their files."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                found[int(entry.name)] = os.readlink(entry / "exe")
            except OSError:
                continue  # ended meanwhile
    return {pid: file for pid, file in found.items() if "/signalbox/bin/" in file}


def libraries_of_the_system() -> set[str]:
    """What the programs have loaded from outside the environment."""
    loaded = set()
    for pid in processes():
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            path = line.split(maxsplit=5)[-1]
            if ".so" in path and not path.startswith(str(ENVIRONMENT)):
                loaded.add(Path(path).name)
    return loaded


def start(*arguments: str) -> subprocess.Popen:
    say("$ " + " ".join(arguments))
    return subprocess.Popen([ENVIRONMENT / "bin" / arguments[0], *arguments[1:]], cwd="/tmp", start_new_session=True)


def wait_for_no_process() -> None:
    deadline = time.monotonic() + SECONDS_MAX
    while processes():
        assert time.monotonic() < deadline, f"left: {processes()}"
        time.sleep(0.1)
    say("no process is left")


def servers_without_their_launcher() -> None:
    """launch_server, whose launcher is killed with kill -9."""
    launcher = start("python", "-m", "sglang_router.launch_server", "--dp-size", "2",
                     "--server-command", f"{ENVIRONMENT / 'bin' / 'simulated-worker'} --model simulated")
    wait_for("the router of launch_server", f"{ROUTER}/readiness")
    # The worker that was added to the first router is in the database, and stays until somebody removes it.
    servers = [url for url in json.loads(ask("GET", f"{ROUTER}/list_workers"))["urls"] if url != ADDED]
    say(f"servers: {' '.join(servers)}")
    assert len(servers) == 2, servers
    say("kill -9 of the launcher")
    launcher.kill()
    launcher.wait(SECONDS_MAX)
    wait_for_no_process()


def router_object() -> None:
    """Router as a context manager."""
    from sglang_router import Router

    worker = start("simulated-worker", "--port", WORKERS[0].rsplit(":", 1)[1], "--model", "simulated")
    wait_for("a worker", f"{WORKERS[0]}/health")
    say(f"with Router(worker_urls={WORKERS[:1]}, port=30000)")
    with Router(worker_urls=WORKERS[:1], port=30000):
        wait_for("the router", f"{ROUTER}/readiness")
        say(ask("GET", f"{ROUTER}/v1/models"))
    worker.terminate()
    worker.wait(SECONDS_MAX)
    wait_for_no_process()


def main() -> None:
    loopback_up()
    for name in ("swift", "curl", "sqlite3"):
        assert shutil.which(name) is None, f"{name} is here"
    for name in ("curl", "sqlite3", "swiftCore"):
        assert ctypes.util.find_library(name) is None, f"lib{name} is here"
    workers = [start("simulated-worker", "--port", url.rsplit(":", 1)[1], "--model", "simulated") for url in [*WORKERS, ADDED]]
    for url in [*WORKERS, ADDED]:
        wait_for("a worker", f"{url}/health")

    router = start("python", "-m", "sglang_router.launch_router", "--worker-urls", *WORKERS, "--policy", "cache_aware",
                   "--prometheus-port", "29000")
    wait_for("the router", f"{ROUTER}/readiness")
    assert processes()[router.pid].endswith("/signalbox/bin/signalbox"), "launch_router did not become the native program"

    client = openai.OpenAI(base_url=f"{ROUTER}/v1", api_key="none")
    question = [{"role": "user", "content": "Which way to Crewe?"}]
    whole = client.chat.completions.create(model="simulated", messages=question)
    say(f"openai client: {whole.choices[0].message.content!r}")
    parts = list(client.chat.completions.create(model="simulated", messages=question, stream=True))
    say(f"openai client, streaming: {len(parts)} parts")
    assert whole.choices[0].message.content and len(parts) > 1

    say(f"POST {ROUTER}/add_worker?url={ADDED}")
    say(ask("POST", f"{ROUTER}/add_worker?url={ADDED}"))
    listed = json.loads(ask("GET", f"{ROUTER}/list_workers"))["urls"]
    assert listed == [*WORKERS, ADDED], listed
    requests = [line for line in ask("GET", METRICS).splitlines() if line.startswith("sgl_router_active_workers")]
    say(f"GET {METRICS}: {requests[0]}")
    say(f"libraries of the system in use: {' '.join(sorted(libraries_of_the_system()))}")

    say("Ctrl-C")
    began = time.monotonic()
    # To the whole group in the foreground, as a terminal does it.
    os.killpg(router.pid, signal.SIGINT)
    status = router.wait(SECONDS_MAX)
    say(f"launch_router ended with status {status} after {time.monotonic() - began:.2f} s")
    left = [file for file in processes().values() if not file.endswith("simulated-worker")]
    assert status == 0 and not left, f"status {status}, left: {left}"
    for worker in workers:
        worker.terminate()
    for worker in workers:
        worker.wait(SECONDS_MAX)
    wait_for_no_process()

    servers_without_their_launcher()
    router_object()


if __name__ == "__main__":
    main()
