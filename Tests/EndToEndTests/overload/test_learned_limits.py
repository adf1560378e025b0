"""A worker that says no limit and is not overloaded refuses nobody: not for longer requests, and not for clients that leave.
A limit that is learned can be seen."""

import socket
import threading

from overload.test_goodput import REQUEST, capacity, fleet
from support.fleet import Workbench
from support.limits import limit
from support.load import LoadGenerator, chat_request
from support.metrics import samples
from support.open_loop import OpenLoop
from support.ports import free_port
from support.waiting import wait_for

SHORT, LONG = chat_request(max_tokens=4), chat_request(max_tokens=50)


def idle_fleet(bench: Workbench):
    workers = [bench.worker("--hide-max-running-requests") for _ in range(2)]
    control_plane = bench.control_plane()
    data_plane = bench.data_plane(control_plane.control_socket)
    for worker in workers:
        assert control_plane.admin.add_worker(worker.url).status_code == 200
    control_plane.admin.wait_until_applied(1)
    bench.wait_ready(data_plane)
    with LoadGenerator(data_plane.port, 1, SHORT) as load:
        wait_for("short requests", lambda: load.result.completed >= 60, 30)
    return data_plane


def serves_forty(port: int) -> None:
    with LoadGenerator(port, 40, LONG) as load:
        wait_for("long requests", lambda: load.result.completed + len(load.result.failures) >= 200, 40)
    assert not load.result.failures, load.result.failures[:3]


def test_requests_that_become_longer_are_no_overload(bench: Workbench) -> None:
    serves_forty(idle_fleet(bench).port)


def test_clients_that_leave_an_idle_fleet_take_nothing_from_others(bench: Workbench) -> None:
    proxy = idle_fleet(bench)
    for _ in range(6):
        with socket.create_connection(("127.0.0.1", proxy.port)) as client:
            client.settimeout(0.7)
            client.sendall(chat_request(max_tokens=400))
            try:
                client.recv(1)
            except TimeoutError:
                pass
    serves_forty(proxy.port)


def test_a_learned_limit_is_in_the_api_the_metrics_and_the_log(bench: Workbench) -> None:
    port = free_port()
    plane, proxy = fleet(bench, "learned", "--prometheus-port", port)
    rate, alone = capacity(proxy)
    assert [worker["learned_limits"] for worker in plane.admin.workers()] == [{}, {}]

    load = threading.Thread(target=OpenLoop(proxy.port, REQUEST, rate * 3, 12, 2.5 * alone).run, daemon=True)
    load.start()
    limited = wait_for(
        "a limit to be learned",
        lambda: [worker for worker in plane.admin.workers() if worker["learned_limits"]],
        limit(12),
    )[0]
    assert list(limited["learned_limits"]) == [plane.admin.data_planes()[0]["id"]]
    assert all(most >= 1 for most in limited["learned_limits"].values())
    wait_for(
        "the metric to show it",
        lambda: max(samples(port, "signalbox_worker_learned_limit", worker=limited["url"]).values()) >= 1,
        limit(5),
    )
    wait_for("the log to say so", lambda: "Clients leave the worker unanswered" in proxy.log(), limit(5))
    load.join(limit(60))
    assert not load.is_alive()
