"""Several data planes act as one: each knows what the others routed, and what is in flight from them."""

import json
import os
import signal
import threading
from collections import Counter
from collections.abc import Callable

from support.fleet import ControlPlane, DataPlane, Workbench
from support.limits import limit
from support.raw_http import RawConnection
from support.recording_worker import RecordedRequest, Responder, WorkerConnection, response_bytes
from support.waiting import wait_for

SESSION = "The signalman pulls the lever, and the train goes where it should. " * 120


def name_itself(connection: WorkerConnection, request: RecordedRequest) -> None:
    connection.send(response_bytes("{}", headers=(f"X-Worker: {connection.worker.port}",)))


def fleet(bench: Workbench, planes: int, workers: int, policy: str,
          responder: Responder = name_itself) -> tuple[ControlPlane, list[DataPlane]]:
    control = bench.control_plane("--policy", policy)
    proxies = [bench.data_plane(control.control_socket, name=f"plane-{number}") for number in range(planes)]
    for _ in range(workers):
        assert control.admin.add_worker(bench.recording_worker(responder).url).status_code == 200
    control.admin.wait_until_applied(planes)
    for proxy in proxies:
        bench.wait_ready(proxy)
    wait_until_heard(control, planes)
    return control, proxies


def heard(control: ControlPlane) -> dict[tuple[str, str], int]:
    """How many datagrams each data plane has had from each other one."""
    return {
        (entry["id"], peer["id"]): peer["received"]
        for entry in control.admin.data_planes() for peer in entry["peers"] or []
    }


def wait_until_heard(control: ControlPlane, planes: int) -> None:
    """Waits until every data plane has heard every other one twice more: what was routed before is known everywhere.

    Counts come with heartbeats, so the ones to count from are those of the next heartbeats.
    """
    def heartbeats() -> dict[str, str]:
        return {entry["id"]: entry["last_heartbeat"] for entry in control.admin.data_planes()}

    old = heartbeats()
    wait_for("heartbeats", lambda: all(stamp != old.get(name) for name, stamp in heartbeats().items()))
    before = heard(control)

    def all_heard() -> bool:
        now = heard(control)
        return len(now) == planes * (planes - 1) and all(
            count >= before.get(pair, 0) + 2 for pair, count in now.items()
        )

    wait_for("all data planes to hear one another", all_heard)


def home_of(proxy: DataPlane, *contents: str) -> str:
    body = {"model": "recorded", "messages": [{"role": "user", "content": content} for content in contents]}
    with RawConnection(proxy.port) as client:
        answer = client.ask("POST", "/v1/chat/completions", json.dumps(body).encode(),
                            {"Content-Type": "application/json"})
    assert answer.status == 200, answer.body
    return answer.header("x-worker")


def begin_sessions(proxies: list[DataPlane], count: int) -> dict[str, str]:
    homes = {}
    for number in range(count):
        start = f"Session {number}. " + SESSION
        homes[start] = home_of(proxies[number % len(proxies)], start)
    return homes


def assert_known(homes: dict[str, str], choose: Callable[[int], DataPlane]) -> None:
    strays = [
        start[:12] for number, (start, home) in enumerate(homes.items())
        if home_of(choose(number), start, "And then?") != home
    ]
    # A datagram may get lost where the machine is busy. Without any exchange half of the sessions and more would stray.
    assert len(strays) * 5 <= len(homes), f"{len(strays)} of {len(homes)} sessions did not go where they began: {strays}"


def test_a_conversation_stays_at_its_worker_whichever_data_plane_it_comes_to(bench: Workbench) -> None:
    control, proxies = fleet(bench, 4, 3, "kv_cost")
    homes = begin_sessions(proxies, 30)
    assert len(set(homes.values())) == 3, Counter(homes.values())
    wait_until_heard(control, 4)
    for shift in (1, 2):
        assert_known(homes, lambda number, shift=shift: proxies[(number + shift) % 4])


def test_a_new_data_plane_knows_what_the_others_knew_before_it_serves(bench: Workbench) -> None:
    control, proxies = fleet(bench, 2, 3, "kv_cost")
    homes = begin_sessions(proxies, 20)
    wait_until_heard(control, 2)
    os.kill(proxies[0].pid, signal.SIGKILL)
    proxies[0].expect_crash = True
    newcomer = bench.data_plane(control.control_socket, name="newcomer")
    bench.wait_ready(newcomer)
    assert_known(homes, lambda number: newcomer)

    def peers_of(name: str) -> list[str]:
        entry = next(entry for entry in control.admin.data_planes() if entry["id"] == name)
        return [peer["id"] for peer in entry["peers"]]

    wait_for("the dead one to be forgotten", lambda: peers_of("plane-1") == ["newcomer"])
    wait_for("its socket to be removed",
             lambda: len(list((control.runtime_folder / "peers").iterdir())) == 2, limit(10))


def test_least_load_picks_by_the_sum_over_all_data_planes(bench: Workbench) -> None:
    release = threading.Event()
    begun = Counter()

    def hold(connection: WorkerConnection, request: RecordedRequest) -> None:
        begun[connection.worker.port] += 1
        release.wait(limit(30))
        name_itself(connection, request)

    control, proxies = fleet(bench, 4, 2, "least_load", hold)
    clients = []
    try:
        for number, proxy in enumerate(proxies):
            client = RawConnection(proxy.port)
            clients.append(client)
            client.send("POST /generate HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\n\r\n{}")
            wait_for("the request to be at a worker", lambda number=number: begun.total() == number + 1)
            wait_until_heard(control, 4)
        assert sorted(begun.values()) == [2, 2], "each data plane picked by its own requests alone"
    finally:
        release.set()
    for client in clients:
        assert client.read_response().status == 200
        client.close()
