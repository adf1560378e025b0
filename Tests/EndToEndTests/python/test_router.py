"""`Router`: started, waited for, stopped, and gone when its program is gone."""

import os
import signal
import threading
import time

import httpx
import pytest

from support.fleet import Workbench
from support.limits import limit
from support.load import chat_request
from support.ports import free_port, is_listening
from support.processes import children_of, command_line, kill_pid, marked_processes
from support.raw_http import RawConnection
from support.waiting import wait_for

from sglang_router import Router
from signalbox.startup import Startup

pytestmark = pytest.mark.usefixtures("in_this_process")


def is_ready(port: int) -> bool:
    return httpx.get(f"http://127.0.0.1:{port}/readiness").status_code == 200


def keepers_of(pid: int) -> list[int]:
    return [child for child in children_of(pid) if "keeper.py" in command_line(child)]


def program(url: str, port: int, body: str) -> str:
    return (f"import os, signal, sys, threading, time\nfrom sglang_router import Router\n"
            f"router = Router(['{url}'], port={port}, prometheus_port={free_port()}, admin_port={free_port()})\n{body}")


def endless_answer(stop: threading.Event):
    """A worker that sends events until it is told to end its answer in order."""
    def answer(connection, request) -> bool:
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        while not stop.wait(0.05):
            connection.send_chunk(b"data: {}\n\n")
        connection.send_chunk(b"data: [DONE]\n\n")
        connection.send(b"0\r\n\r\n")
        return False

    return answer


def open_stream(port: int) -> RawConnection:
    connection = RawConnection(port)
    connection.send(chat_request().replace(b"simulated", b"recorded "))
    assert connection.read_head().status == 200
    return connection


def test_it_blocks_until_it_is_stopped(bench: Workbench) -> None:
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


IN_START = "try:\n    router.start()\nexcept KeyboardInterrupt:\n    pass\n"
IN_A_BLOCK = "with router:\n    threading.Event().wait()\n"
IN_A_THREAD = "threading.Thread(target=router.start, daemon=True).start()\nthreading.Event().wait()\n"


@pytest.mark.parametrize("body", [IN_START, IN_A_BLOCK, IN_A_THREAD], ids=["start", "with", "thread"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_nothing_is_left_when_its_program_is_killed(bench: Workbench, start, number: signal.Signals, body: str) -> None:
    worker, port = bench.worker(), free_port()
    ours = start("program.py", text=program(worker.url, port, body))
    wait_for("the router to be ready", lambda: is_ready(port), limit(20))
    os.kill(ours.pid, number)
    ours.child.wait(limit(15))
    # Here it may end by whatever signal.
    bench.processes.remove(ours)
    wait_for("nothing to be left", lambda: marked_processes(bench.mark) == [worker.pid], limit(15))
    assert not is_listening(port)


def test_its_program_may_leave_a_copy_of_itself(bench: Workbench, start) -> None:
    """As multiprocessing does: a copy has what the program had open."""
    worker, port = bench.worker(), free_port()
    ours = start("program.py", text=program(worker.url, port, (
        "router.__enter__()\nif os.fork() == 0:\n    time.sleep(1000)\nthreading.Event().wait()\n")))
    wait_for("the router to be ready", lambda: is_ready(port), limit(20))
    [copy] = [pid for pid in children_of(ours.pid) if pid not in keepers_of(ours.pid)]
    ours.kill()
    wait_for("the router to be gone", lambda: set(marked_processes(bench.mark)) == {worker.pid, copy}, limit(15))
    kill_pid(copy)


def test_a_request_is_finished_when_its_program_is_killed(bench: Workbench, start) -> None:
    stop = threading.Event()
    worker, port = bench.recording_worker(endless_answer(stop)), free_port()
    ours = start("program.py", text=program(worker.url, port, IN_START))
    wait_for("the router to be ready", lambda: is_ready(port), limit(20))
    with open_stream(port) as connection:
        ours.kill()
        wait_for("clients to be refused", lambda: not is_listening(port))
        stop.set()
        assert connection.read_to_end().endswith(b"0\r\n\r\n")
    wait_for("nothing to be left", lambda: marked_processes(bench.mark) == [], limit(15))


@pytest.mark.parametrize("body", [IN_START, "try:\n    with router:\n        threading.Event().wait()\nexcept KeyboardInterrupt:\n    pass\n"],
                         ids=["start", "with"])
def test_ctrl_c_lets_requests_finish_and_a_second_one_cuts_them(bench: Workbench, start, body: str) -> None:
    for is_cut in (False, True):
        stop = threading.Event()
        worker, port = bench.recording_worker(endless_answer(stop)), free_port()
        ours = start("program.py", text=program(worker.url, port, body))
        wait_for("the router to be ready", lambda: is_ready(port), limit(20))
        with open_stream(port) as connection:
            # A terminal sends it to the whole group.
            os.killpg(ours.pid, signal.SIGINT)
            wait_for("clients to be refused", lambda: not is_listening(port))
            if is_cut:
                os.killpg(ours.pid, signal.SIGINT)
            else:
                stop.set()
            assert connection.read_to_end().endswith(b"0\r\n\r\n") is not is_cut
        stop.set()
        ours.child.wait(limit(10))
        wait_for("nothing to be left", lambda: marked_processes(bench.mark) == [], limit(15))


def test_it_serves_on_when_the_thread_that_began_it_ends(bench: Workbench) -> None:
    worker, port = bench.worker(), free_port()
    router = Router([worker.url], port=port, prometheus_port=free_port(), admin_port=free_port())
    thread = threading.Thread(target=router.__enter__)
    thread.start()
    thread.join()
    try:
        # The death of the thread itself is what a signal at a parent's death would go by.
        wait_for("the thread to be gone", lambda: not os.path.exists(f"/proc/self/task/{thread.native_id}"))
        wait_for("the router to be ready", lambda: is_ready(port), limit(20))
        end = time.monotonic() + 1
        while time.monotonic() < end:
            assert is_ready(port)
    finally:
        router.stop()
    assert not is_listening(port)


def test_a_handler_of_a_signal_may_stop_it(bench: Workbench, start) -> None:
    worker, port = bench.worker(), free_port()
    ours = start("program.py", text=program(worker.url, port, (
        "signal.signal(signal.SIGTERM, lambda *_: router.stop())\nrouter.start()\nprint('it has ended', flush=True)\n")))
    wait_for("the router to be ready", lambda: is_ready(port), limit(20))
    # When the workers are healthy, start() has nothing to look at any more: it only waits.
    time.sleep(1)
    ours.signal(signal.SIGTERM)
    assert ours.wait(limit(10)) == 0
    assert "it has ended" in ours.log() and not is_listening(port)


def test_a_stop_with_a_time_limit_cuts_what_is_still_served(bench: Workbench) -> None:
    stop = threading.Event()
    worker, port = bench.recording_worker(endless_answer(stop)), free_port()
    router = Router([worker.url], port=port, prometheus_port=free_port(), admin_port=free_port())
    with router:
        wait_for("the router to be ready", lambda: is_ready(port), limit(20))
        with open_stream(port) as connection:
            begun = time.monotonic()
            router.stop(timeout=0.5)
            assert time.monotonic() - begun < limit(4)
            rest = connection.read_to_end()
            assert b'"error"' in rest and not rest.endswith(b"0\r\n\r\n")
    stop.set()
    assert not is_listening(port)


def test_nothing_is_left_when_its_keeper_is_killed(bench: Workbench) -> None:
    worker, port = bench.worker(), free_port()
    router = Router([worker.url], port=port, prometheus_port=free_port(), admin_port=free_port())
    failures: list[RuntimeError] = []

    def run() -> None:
        try:
            router.start()
        except RuntimeError as error:
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    wait_for("the router to be ready", lambda: is_ready(port), limit(20))
    [keeper] = keepers_of(os.getpid())
    [launch] = children_of(keeper)
    os.kill(keeper, signal.SIGKILL)
    thread.join(limit(10))
    assert "status -9" in str(failures[0])
    wait_for("the router to be gone", lambda: not os.path.exists(f"/proc/{launch}") and not is_listening(port), limit(10))


@pytest.mark.parametrize("is_one_healthy", [False, True])
def test_workers_that_do_not_become_healthy_end_it_with_the_words_of_the_original(
        bench: Workbench, is_one_healthy: bool) -> None:
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
