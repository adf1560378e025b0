"""`launch_server`: servers, a router over them, and how all of it ends. What it leaves is the next file's."""

import signal

import httpx
import pytest

from support.fleet import Workbench, binary
from support.limits import limit
from support.ports import free_port, is_listening
from support.processes import Process, marked_processes
from support.waiting import wait_for


def launched(start, speedup: int = 100) -> tuple[Process, int]:
    """Four servers and a router, and the router's port."""
    port = free_port()
    process = start(
        "launch_server", "--port", port, "--dp-size", 4, "--server-command", f"{binary('simulated-worker')} --speedup {speedup}",
        "--router-dp-worker-base-port", free_port(), "--router-prometheus-port", free_port(), "--router-admin-port", free_port(),
        "--router-policy", "round_robin", "--model", "simulated",
    )
    wait_for("four workers to be ready", lambda: httpx.get(
        f"http://127.0.0.1:{port}/readiness").json().get("healthy_workers") == 4, limit(30))
    return process, port


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP])
def test_a_signal_ends_it_in_order(bench: Workbench, start, number: signal.Signals) -> None:
    process, port = launched(start)
    answer = httpx.post(f"http://127.0.0.1:{port}/generate", json={"text": "x"}, timeout=limit(10))
    assert answer.status_code == 200
    process.signal(number)
    assert process.wait(limit(20)) == 0
    assert marked_processes(bench.mark) == []


@pytest.mark.parametrize("is_cut", [False, True])
def test_requests_finish_before_the_servers_end_and_a_second_signal_cuts_them(bench: Workbench, start, is_cut: bool) -> None:
    process, port = launched(start, speedup=1)
    question = {"model": "simulated", "stream": True, "max_tokens": 100_000 if is_cut else 200,
                "messages": [{"role": "user", "content": "Which way?"}]}
    with httpx.stream("POST", f"http://127.0.0.1:{port}/v1/chat/completions", json=question, timeout=limit(30)) as answer:
        lines = answer.iter_lines()
        assert next(lines).startswith("data: ")
        process.signal(signal.SIGTERM)
        wait_for("clients to be refused", lambda: not is_listening(port))
        if is_cut:
            process.signal(signal.SIGTERM)
        try:
            rest = list(lines)
        except httpx.HTTPError:
            rest = []
    assert ("data: [DONE]" in rest) is not is_cut
    assert process.wait(limit(20)) == (128 + signal.SIGINT if is_cut else 0)
    assert marked_processes(bench.mark) == []


def test_below_nohup_a_hangup_means_nothing(bench: Workbench, start) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        process, port = launched(start)
    finally:
        signal.signal(signal.SIGHUP, before)
    process.signal(signal.SIGHUP)
    answer = httpx.post(f"http://127.0.0.1:{port}/generate", json={"text": "x"}, timeout=limit(10))
    assert answer.status_code == 200
    process.signal(signal.SIGTERM)
    assert process.wait(limit(20)) == 0


def test_it_names_what_is_not_there_and_starts_nothing(bench: Workbench, start) -> None:
    process = start("launch_server", "--router-pd-disaggregation", "--server-command", "false")
    assert process.wait(limit(10)) == 64
    assert "prefill/decode" in process.log()


def test_servers_that_do_not_become_healthy_are_given_up(bench: Workbench, start) -> None:
    process = start("launch_server", "--port", free_port(), "--dp-size", 2, "--server-command", "sh -c 'sleep 1000' server",
                    "--router-prometheus-port", free_port(), "--router-admin-port", free_port(),
                    "--router-worker-startup-timeout-secs", 2)
    assert process.wait(limit(30)) == 1
    assert "Timeout 2s waiting for workers [" in process.log()
    assert marked_processes(bench.mark) == []
