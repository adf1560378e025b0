"""`signalbox launch`: one command, one host; what cannot start says why and leaves nothing half started."""

import signal
import socket
import time
from contextlib import ExitStack

import pytest

from support.fleet import Launch, Workbench
from support.limits import limit
from support.measurements import record
from support.ports import free_port, is_listening
from support.processes import freeze, kill_pid, marked_processes, socket_ports
from support.raw_http import RawConnection, ask

SENTENCE_LINES_MAX = 3


def assert_refused(bench: Workbench, launch: Launch, *named: object, others: int = 0) -> None:
    status = launch.wait(20)
    log = launch.log()
    assert status not in (0, 1) and status < 128, (status, log)
    for text in named:
        assert str(text) in log, log
    errors = [line for line in log.splitlines() if line.strip()]
    assert len(errors) <= SENTENCE_LINES_MAX, f"more than a clear sentence:\n{log}"
    assert "Fatal error" not in log and "Optional(" not in log and "rror Domain" not in log, log
    assert len(marked_processes(bench.mark)) == others, "something was left half started"


def test_workers_of_the_command_line_are_there_before_the_data_port_answers(bench: Workbench) -> None:
    workers = [bench.worker(), bench.worker()]
    launch = bench.launch(workers=[worker.url for worker in workers], wait=False)
    bench.wait_listening(launch, launch.port)
    body = b'{"model":"simulated","max_tokens":1,"messages":[{"role":"user","content":"hi"}]}'
    # The first request as soon as the port answers, as scripts do.
    while ask(launch.port, "GET", "/health").status != 200:
        pass
    assert ask(launch.port, "POST", "/v1/chat/completions", body).status == 200
    assert launch.admin.urls() == [worker.url for worker in workers]


def test_it_starts_while_its_workers_are_still_down(bench: Workbench) -> None:
    port = free_port()
    launch = bench.launch(workers=[f"http://127.0.0.1:{port}"])
    assert ask(launch.port, "GET", "/health").status == 200
    assert ask(launch.port, "GET", "/readiness").status == 503
    bench.worker(port=port)
    bench.wait_ready(launch)


def test_n_data_planes_share_the_port(bench: Workbench) -> None:
    launch = bench.launch(workers=[bench.worker().url], data_planes=3)
    bench.wait_ready(launch)
    assert len(launch.data_plane_pids()) == 3
    assert {plane["pid"] for plane in launch.admin.data_planes()} == set(launch.data_plane_pids())


@pytest.mark.measured
def test_clients_that_come_one_after_another_are_spread_over_the_data_planes(bench: Workbench) -> None:
    launch = bench.launch(data_planes=2)
    with ExitStack() as stack:
        clients = []
        for _ in range(64):
            clients.append(stack.enter_context(RawConnection(launch.port)))
            assert clients[-1].ask("GET", "/health").status == 200
        ports = {client.socket.getsockname()[1] for client in clients}
        shares = [len(socket_ports(pid) & ports) for pid in launch.data_plane_pids()]
    record("Several data planes", "64 clients one after another on 2 data planes: fewest on one", min(shares),
           "connections", "16 or more", "launch/test_start.py")
    assert sum(shares) == 64 and min(shares) >= 16


def test_the_data_port_is_taken(bench: Workbench) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        launch = bench.launch(port=port, wait=False)
        assert_refused(bench, launch, port, "--port")
        assert not is_listening(launch.admin_port)


def test_the_admin_port_is_taken(bench: Workbench) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        launch = bench.launch(admin_port=port, wait=False)
        assert_refused(bench, launch, port, "--admin-port")
        assert not is_listening(launch.port)


def test_a_second_launch_on_the_same_port_is_refused_and_the_first_goes_on(bench: Workbench) -> None:
    first = bench.launch(workers=[bench.worker().url], data_planes=2)
    bench.wait_ready(first)
    running = len(marked_processes(bench.mark))
    second = bench.launch(port=first.port, wait=False)
    assert_refused(bench, second, first.port, others=running)
    assert ask(first.port, "GET", "/readiness").status == 200


def test_a_second_launch_on_the_same_database_is_refused(bench: Workbench) -> None:
    first = bench.launch()
    running = len(marked_processes(bench.mark))
    second = bench.launch(database=first.database, wait=False)
    assert_refused(bench, second, first.database, others=running)
    assert not is_listening(second.port)
    assert ask(first.port, "GET", "/health").status == 200


def test_a_second_launch_cannot_take_the_database_while_the_control_plane_is_down(bench: Workbench) -> None:
    first = bench.launch()
    freeze(first.pid)
    kill_pid(first.control_plane_pid())
    second = bench.launch(database=first.database, wait=False)
    assert second.wait(20) == 75
    assert "launch" in second.log() and str(first.database) in second.log()
    first.signal(signal.SIGCONT)
    bench.wait_for_admin(first)


def test_a_second_launch_in_the_same_runtime_folder_is_refused(bench: Workbench) -> None:
    first = bench.launch()
    running = len(marked_processes(bench.mark))
    second = bench.launch(runtime_folder=first.runtime_folder, wait=False)
    assert_refused(bench, second, first.runtime_folder, others=running)
    assert not is_listening(second.port)
    assert first.admin.get("/health").status_code == 200


def test_a_runtime_path_too_long_for_a_socket_is_named(bench: Workbench) -> None:
    launch = bench.launch(runtime_folder=bench.folder / ("long" * 30), wait=False)
    assert_refused(bench, launch, "--runtime-dir", "107")
    assert not is_listening(launch.port)


@pytest.mark.parametrize(("flags", "named"), [
    (("--data-planes", "0"), "--data-planes"), (("--data-planes", "many"), "--data-planes"),
    (("--no-such-flag",), "--no-such-flag"), (("--worker-urls", "ftp://x"), "ftp"),
    (("--forward-admin", "sometimes"), "--forward-admin"), (("--log-level", "loud"), "--log-level"),
])
def test_a_bad_flag_is_a_usage_error_that_names_it(bench: Workbench, flags: tuple[str, ...], named: str) -> None:
    launch = bench.launch(*flags, wait=False)
    assert launch.wait(20) == 64
    assert named in launch.log()
    assert marked_processes(bench.mark) == []


def test_the_flags_of_the_specification_are_understood(bench: Workbench) -> None:
    launch = bench.launch(
        "--host", "127.0.0.1", "--policy", "round_robin", "--worker-startup-timeout-secs", 5,
        "--worker-startup-check-interval", 1, "--max-payload-size", 1_000_000, "--verbose", "--threads", 1,
        "--admin-host", "127.0.0.1",
    )
    assert ask(launch.port, "GET", "/health").status == 200
    assert launch.admin.get("/policies").status_code == 200
    assert launch.admin.get("/settings").json()["settings"]["payload_bytes_max"] == 1_000_000


def test_a_restart_without_worker_urls_loses_nothing(bench: Workbench) -> None:
    worker, other = bench.worker(), bench.worker()
    first = bench.launch(workers=[worker.url])
    first.admin.add_worker(other.url)
    version = first.admin.version()
    started = time.monotonic()
    assert first.terminate() == 0
    assert time.monotonic() - started < limit(8)
    second = bench.launch(database=first.database, runtime_folder=first.runtime_folder, port=first.port)
    bench.wait_ready(second)
    assert second.admin.urls() == [worker.url, other.url]
    assert second.admin.version()[0] == version[0] and second.admin.version()[1] >= version[1]
