"""However `launch` ends, its children end too, in bounded time."""

import os
import re
import signal
import threading
import time
from pathlib import Path

import pytest

from support.fleet import Workbench
from support.limits import limit
from support.load import chat_request
from support.ports import is_listening
from support.processes import freeze, kill_pid, marked_processes
from support.raw_http import RawConnection, ask
from support.waiting import wait_for

STOP_SECONDS_MAX = 10


def without(bench: Workbench, *pids: int) -> list[int]:
    return [pid for pid in marked_processes(bench.mark) if pid not in pids]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_all_of_it_with_status_0(bench: Workbench, number: signal.Signals) -> None:
    worker = bench.worker()
    launch = bench.launch(workers=[worker.url], data_planes=2)
    bench.wait_ready(launch)
    started = time.monotonic()
    launch.signal(number)
    assert launch.wait(STOP_SECONDS_MAX) == 0
    assert time.monotonic() - started < limit(5), "an idle fleet stops soon"
    assert without(bench, worker.pid) == []
    assert not is_listening(launch.port) and not is_listening(launch.admin_port)
    assert not (launch.runtime_folder / "control.sock").exists()


def test_a_running_request_is_finished_before_the_end(bench: Workbench) -> None:
    worker = bench.recording_worker(lambda connection, request: slow_answer(connection))
    launch = bench.launch(workers=[worker.url])
    bench.wait_ready(launch)
    with RawConnection(launch.port) as connection:
        connection.send(chat_request().replace(b"simulated", b"recorded "))
        wait_for("the request to reach the worker", lambda: worker.routed("/v1/chat/completions"))
        launch.signal(signal.SIGTERM)
        assert connection.read_response().status == 200
    assert launch.wait(STOP_SECONDS_MAX) == 0


def slow_answer(connection) -> None:
    time.sleep(1)
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")


@pytest.mark.parametrize("is_busy", [False, True], ids=["at leisure", "while the data plane sees neither"])
def test_a_second_signal_cuts_a_stream_without_end_so_that_its_client_sees_it(bench: Workbench, is_busy: bool) -> None:
    stop = threading.Event()

    def endless(connection, request) -> bool:
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        while not stop.wait(0.05):
            connection.send_chunk(b"data: {}\n\n")
        return False

    worker = bench.recording_worker(endless)
    launch = bench.launch(workers=[worker.url])
    bench.wait_ready(launch)
    with RawConnection(launch.port) as connection:
        connection.send(chat_request().replace(b"simulated", b"recorded "))
        assert connection.read_head().status == 200
        pid = launch.admin.data_planes()[0]["pid"]
        if is_busy:
            freeze(pid)
        launch.signal(signal.SIGTERM)
        wait_for("the first signal to be passed on", lambda: is_pending(pid, signal.SIGTERM) if is_busy
                 else not is_listening(launch.port))
        launch.signal(signal.SIGTERM)
        if is_busy:
            wait_for("the second signal to be passed on", lambda: is_pending(pid, signal.SIGINT))
            os.kill(pid, signal.SIGCONT)
        rest = connection.read_to_end()
        assert b'"error"' in rest and not rest.endswith(b"0\r\n\r\n"), rest[-200:]
        assert launch.wait(limit(STOP_SECONDS_MAX)) == 128 + signal.SIGTERM
    stop.set()
    assert without(bench) == []


def is_pending(pid: int, number: signal.Signals) -> bool:
    """Whether a process has a signal that it has not taken yet."""
    [mask] = re.findall(r"^ShdPnd:\s*(\w+)", Path(f"/proc/{pid}/status").read_text(), re.M)
    return bool(int(mask, 16) >> (number - 1) & 1)


def test_while_it_drains_new_clients_are_refused_and_do_not_wait(bench: Workbench) -> None:
    release = threading.Event()

    def slow(connection, request) -> None:
        release.wait(limit(20))
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    worker = bench.recording_worker(slow)
    launch = bench.launch(workers=[worker.url], data_planes=2)
    bench.wait_ready(launch)
    with RawConnection(launch.port) as connection:
        connection.send(chat_request().replace(b"simulated", b"recorded "))
        wait_for("the request to reach the worker", lambda: worker.routed("/v1/chat/completions"))
        launch.signal(signal.SIGTERM)
        wait_for("clients to be refused", lambda: not is_listening(launch.port))
        release.set()
        assert connection.read_response().status == 200
    assert launch.wait(limit(STOP_SECONDS_MAX)) == 0


def test_it_ends_when_its_terminal_closes(bench: Workbench) -> None:
    launch = bench.launch(workers=[bench.worker().url], terminal=True)
    bench.wait_ready(launch)
    # Without a terminal SIGHUP replaces the data planes; here the terminal goes.
    launch.close_terminal()
    assert launch.wait(limit(STOP_SECONDS_MAX)) == 0


def test_nothing_is_left_when_it_is_killed_with_9(bench: Workbench) -> None:
    worker = bench.worker()
    launch = bench.launch(workers=[worker.url], data_planes=2)
    bench.wait_ready(launch)
    assert len(without(bench, worker.pid)) == 4
    launch.kill()
    wait_for("every child to be gone", lambda: without(bench, worker.pid) == [], limit(6))
    assert not is_listening(launch.port) and not is_listening(launch.admin_port)
    again = bench.launch(database=launch.database, runtime_folder=launch.runtime_folder, port=launch.port)
    bench.wait_ready(again)


def test_nothing_is_left_when_it_is_killed_with_a_stuck_request(bench: Workbench) -> None:
    worker = bench.recording_worker(lambda connection, request: connection.wait_for_end(30) and False)
    launch = bench.launch(workers=[worker.url], data_planes=2)
    bench.wait_ready(launch)
    with RawConnection(launch.port) as connection:
        connection.send(chat_request().replace(b"simulated", b"recorded "))
        wait_for("the request to reach the worker", lambda: worker.routed("/v1/chat/completions"))
        launch.kill()
        wait_for("every child to be gone", lambda: without(bench) == [], limit(7))


@pytest.mark.parametrize("which", ["control plane", "data plane"])
def test_one_that_dies_again_and_again_is_started_again_with_backoff(bench: Workbench, which: str) -> None:
    launch = bench.launch(workers=[bench.worker().url], data_planes=1)
    bench.wait_ready(launch)
    for _ in range(3):
        victim = launch.control_plane_pid() if which == "control plane" else launch.data_plane_pids()[0]
        kill_pid(victim)
        wait_for("a successor", lambda: (
            launch.control_plane_pid() not in (None, victim) if which == "control plane"
            else launch.data_plane_pids() and launch.data_plane_pids()[0] != victim))
    bench.wait_for_admin(launch)
    bench.wait_ready(launch)
    launch.expect_running()


def test_a_data_plane_serves_on_for_a_while_although_it_says_that_it_is_not_ready(bench: Workbench) -> None:
    """So that a balancer looks elsewhere before connections are refused."""
    worker = bench.worker()
    plane, proxy = bench.wired(worker.url, flags=("--shutdown-delay-secs", 3))
    assert ask(proxy.port, "GET", "/readiness").status == 200
    began = time.monotonic()
    proxy.signal(signal.SIGTERM)
    wait_for("it to say so", lambda: ask(proxy.port, "GET", "/readiness").status == 503)
    served = 0
    while time.monotonic() - began < 2:
        assert ask(proxy.port, "POST", "/generate", b'{"text":"x"}').status == 200
        served += 1
    assert served > 5
    assert proxy.wait(limit(10)) == 0 and time.monotonic() - began >= 3
