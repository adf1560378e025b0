"""`launch_router`, `Router` and `launch_server` with real processes."""

import os
import signal
import sys
import threading
import time
from pathlib import Path

import httpx
import openai
import pytest

from support.fleet import BINARIES, PROJECT, Workbench, binary
from support.limits import limit
from support.ports import free_port, is_listening
from support.processes import Process, children_of, command_line, kill_pid, marked_processes
from support.waiting import wait_for

SOURCES = PROJECT / "python" / "src"
sys.path.insert(0, str(SOURCES))

from sglang_router import Router  # noqa: E402
from signalbox.startup import Startup  # noqa: E402


def python(bench: Workbench, module: str, *arguments: object) -> Process:
    environment = {"PYTHONPATH": str(SOURCES), "SIGNALBOX_BIN_DIR": str(BINARIES),
                   "XDG_STATE_HOME": str(bench.folder), "XDG_RUNTIME_DIR": str(bench.folder)}
    return bench.process(Process, module, [sys.executable, "-m", f"sglang_router.{module}", *arguments],
                         environment=environment)


def is_ready(port: int) -> bool:
    return httpx.get(f"http://127.0.0.1:{port}/readiness").status_code == 200


def test_launch_router_becomes_the_native_program_and_ends_like_it(bench: Workbench) -> None:
    worker, second, port, metrics = bench.worker(), bench.worker(), free_port(), free_port()
    process = python(bench, "launch_router", "--worker-urls", worker.url, "--port", port, "--policy", "cache_aware",
                     "--prometheus-port", metrics)
    wait_for("the router to be ready", lambda: is_ready(port), limit(20))
    assert Path(command_line(process.pid).split(" ")[0]).name == "signalbox"
    client = openai.OpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key="none")
    answer = client.chat.completions.create(model="simulated", messages=[{"role": "user", "content": "Which way?"}])
    assert answer.choices[0].message.content
    added = httpx.post(f"http://127.0.0.1:{port}/add_worker", params={"url": second.url})
    assert added.text == f"Successfully added worker: {second.url}"
    assert httpx.get(f"http://127.0.0.1:{port}/list_workers").json() == {"urls": [worker.url, second.url]}
    assert "sgl_router_active_workers" in httpx.get(f"http://127.0.0.1:{metrics}/metrics").text
    process.signal(signal.SIGINT)
    assert process.wait(limit(15)) == 0
    assert not is_listening(port)


def test_a_router_object_blocks_until_it_is_stopped(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGNALBOX_BIN_DIR", str(BINARIES))
    monkeypatch.setenv("XDG_STATE_HOME", str(bench.folder))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(bench.folder))
    worker, port = bench.worker(), free_port()
    router = Router(worker_urls=[worker.url], port=port, prometheus_port=free_port())
    thread = threading.Thread(target=router.start)
    thread.start()
    wait_for("the router to be ready", lambda: is_ready(port), limit(20))
    with pytest.raises(RuntimeError, match="already"):
        router.start()
    router.stop()
    thread.join(timeout=limit(15))
    assert not thread.is_alive() and not is_listening(port)
    with Router(worker_urls=[worker.url], port=port, prometheus_port=free_port()):
        wait_for("the router to be ready", lambda: is_ready(port), limit(20))
    assert not is_listening(port)
    busy = Router(worker_urls=[worker.url], port=worker.port, prometheus_port=free_port())
    with pytest.raises(RuntimeError, match="status 75"):
        busy.start()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_router_object_leaves_nothing_when_its_program_is_killed(
        bench: Workbench, tmp_path: Path, number: signal.Signals) -> None:
    worker, port = bench.worker(), free_port()
    program = tmp_path / "program.py"
    program.write_text(
        "from sglang_router import Router\n"
        f"router = Router(['{worker.url}'], port={port}, prometheus_port={free_port()}, admin_port={free_port()},\n"
        f"                database={str(tmp_path / 'db')!r}, runtime_dir={str(tmp_path / 'run')!r})\n"
        "try:\n    router.start()\nexcept KeyboardInterrupt:\n    pass\n"
    )
    ours = bench.process(Process, "program", [sys.executable, program],
                         environment={"PYTHONPATH": str(SOURCES), "SIGNALBOX_BIN_DIR": str(BINARIES)})
    wait_for("the router to be ready", lambda: is_ready(port), limit(20))
    os.kill(ours.pid, number)
    ours.child.wait(limit(15))
    wait_for("nothing to be left", lambda: marked_processes(bench.mark) == [worker.pid], limit(15))
    assert not is_listening(port)


@pytest.mark.parametrize("is_one_healthy", [False, True])
def test_workers_that_do_not_become_healthy_end_it_with_the_words_of_the_original(
        bench: Workbench, monkeypatch: pytest.MonkeyPatch, is_one_healthy: bool) -> None:
    monkeypatch.setenv("SIGNALBOX_BIN_DIR", str(BINARIES))
    monkeypatch.setenv("XDG_STATE_HOME", str(bench.folder))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(bench.folder))
    urls = [f"http://127.0.0.1:{free_port()}"]
    if is_one_healthy:
        urls.insert(0, bench.worker().url)
    port = free_port()
    router = Router(worker_urls=urls, port=port, prometheus_port=free_port(), admin_port=free_port(),
                    worker_startup_timeout_secs=2)
    begun = time.monotonic()
    with pytest.raises(RuntimeError) as failure:
        router.start()
    listed = ", ".join(f'"{url}"' for url in urls)
    assert str(failure.value) == (
        f"Timeout 2s waiting for workers [{listed}] to become healthy. Please set --router-worker-startup-timeout-secs "
        "(sglang_router.launch_server) or --worker-startup-timeout-secs (sglang_worker.router) to a larger value")
    assert 2 <= time.monotonic() - begun < limit(10)
    assert not is_listening(port)


def test_a_startup_in_time_is_over_for_good(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that is spelled otherwise counts, and nobody looks any more once all are healthy."""
    monkeypatch.setenv("SIGNALBOX_BIN_DIR", str(BINARIES))
    monkeypatch.setenv("XDG_STATE_HOME", str(bench.folder))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(bench.folder))
    worker, port = bench.worker(), free_port()
    looks: list[bool] = []
    original = Startup.is_over
    monkeypatch.setattr(Startup, "is_over", lambda self: looks.append(original(self)) or looks[-1])
    router = Router(worker_urls=[f"{worker.url.replace('http', 'HTTP')}/"], port=port, prometheus_port=free_port(),
                    admin_port=0, worker_startup_timeout_secs=int(limit(5)))
    thread = threading.Thread(target=router.start)
    thread.start()
    wait_for("the startup to be over", lambda: True in looks, limit(20))
    router.stop()
    thread.join(timeout=limit(15))
    assert not thread.is_alive() and looks.count(True) == 1 and looks[-1]


def launch_server(bench: Workbench) -> tuple[Process, int, list[int], int]:
    """Four servers and a router: the launcher, its port, the servers, the router."""
    port = free_port()
    process = python(
        bench, "launch_server", "--port", port, "--dp-size", 4, "--server-command",
        f"{binary('simulated-worker')} --speedup 100", "--router-dp-worker-base-port", free_port(),
        "--router-prometheus-port", free_port(), "--router-admin-port", free_port(),
        "--router-policy", "round_robin", "--model", "simulated",
    )
    wait_for("four workers to be ready", lambda: httpx.get(
        f"http://127.0.0.1:{port}/readiness").json().get("healthy_workers") == 4, limit(30))
    children = {pid: command_line(pid) for pid in children_of(process.pid)}
    servers = [pid for pid, line in children.items() if "simulated-worker" in line]
    [router] = [pid for pid, line in children.items() if "simulated-worker" not in line]
    assert len(servers) == 4
    return process, port, servers, router


def assert_nothing_is_left(bench: Workbench) -> None:
    wait_for("every process to be gone", lambda: marked_processes(bench.mark) == [], limit(15))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_launch_server_ends_in_order(bench: Workbench, number: signal.Signals) -> None:
    process, port, _, _ = launch_server(bench)
    answer = httpx.post(f"http://127.0.0.1:{port}/generate", json={"text": "x"}, timeout=limit(10))
    assert answer.status_code == 200
    process.signal(number)
    assert process.wait(limit(20)) == 0
    assert_nothing_is_left(bench)


@pytest.mark.parametrize("victim", ["the launcher", "a server", "the router"])
def test_launch_server_leaves_nothing_when_one_is_killed_with_9(bench: Workbench, victim: str) -> None:
    process, _, servers, router = launch_server(bench)
    if victim == "the launcher":
        os.kill(process.pid, signal.SIGKILL)
    else:
        kill_pid(servers[0] if victim == "a server" else router)
        assert process.wait(limit(20)) == 1
        assert ("server" if victim == "a server" else "router") in process.log()
    assert_nothing_is_left(bench)


def test_launch_server_names_what_is_not_there_and_starts_nothing(bench: Workbench) -> None:
    process = python(bench, "launch_server", "--router-pd-disaggregation", "--server-command", "false")
    assert process.wait(limit(10)) == 64
    assert "prefill/decode" in process.log()
    assert_nothing_is_left(bench)


def test_launch_server_gives_up_servers_that_do_not_become_healthy(bench: Workbench) -> None:
    process = python(bench, "launch_server", "--port", free_port(), "--dp-size", 2, "--server-command",
                     "sh -c 'sleep 1000' server", "--router-prometheus-port", free_port(), "--router-admin-port", free_port(),
                     "--router-worker-startup-timeout-secs", 2)
    assert process.wait(limit(30)) == 1
    assert "Timeout 2s waiting for workers [" in process.log()
    assert_nothing_is_left(bench)
