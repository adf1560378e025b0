"""Which worker a request goes to."""

import subprocess
import threading
from collections import Counter

import pytest

from support.fleet import Workbench, binary
from support.ports import free_port
from support.raw_http import RawConnection, ask
from support.recording_worker import RecordedRequest, RecordingWorker, WorkerConnection, response_bytes
from support.waiting import wait_for

BODY = b'{"model":"recorded","messages":[]}'


def ports_of(port: int, count: int) -> list[str]:
    with RawConnection(port) as connection:
        return [connection.ask("POST", "/v1/chat/completions", BODY).header("x-worker") for _ in range(count)]


def answering(bench: Workbench, count: int) -> list[RecordingWorker]:
    def respond(connection: WorkerConnection, request: RecordedRequest) -> None:
        connection.send(response_bytes("{}", headers=(f"X-Worker: {connection.worker.port}",)))

    return [bench.recording_worker(respond) for _ in range(count)]


def test_round_robin_starts_with_the_first_worker_and_keeps_the_order_of_adding(bench: Workbench) -> None:
    workers = answering(bench, 3)
    plane = bench.control_plane("--policy", "round_robin")
    for worker in workers:
        plane.admin.add_worker(worker.url)
    proxy = bench.data_plane(plane.control_socket, "--threads", 1)
    plane.admin.wait_until_applied(1)
    bench.wait_ready(proxy)
    assert ports_of(proxy.port, 7) == [str(workers[index % 3].port) for index in range(7)]


def test_round_robin_goes_on_over_connections_and_threads(bench: Workbench) -> None:
    workers = answering(bench, 2)
    plane = bench.control_plane("--policy", "round_robin")
    for worker in workers:
        plane.admin.add_worker(worker.url)
    proxy = bench.data_plane(plane.control_socket, "--threads", 2)
    plane.admin.wait_until_applied(1)
    bench.wait_ready(proxy)
    seen = Counter(ask(proxy.port, "POST", "/generate", b"{}").header("x-worker") for _ in range(40))
    assert seen == {str(worker.port): 20 for worker in workers}


def test_random_uses_every_worker(bench: Workbench) -> None:
    workers = answering(bench, 2)
    plane = bench.control_plane("--policy", "random")
    for worker in workers:
        plane.admin.add_worker(worker.url)
    proxy = bench.data_plane(plane.control_socket)
    plane.admin.wait_until_applied(1)
    bench.wait_ready(proxy)
    seen = Counter(ports_of(proxy.port, 200))
    # 200 fair draws: fewer than 60 for one of two has a probability below 1 in 10^8.
    assert min(seen.values()) > 60 and len(seen) == 2, seen


def test_least_load_prefers_the_worker_with_fewer_requests(bench: Workbench) -> None:
    release = threading.Event()

    def respond(connection: WorkerConnection, request: RecordedRequest) -> None:
        if b"slow" in request.body:
            release.wait(20)
        connection.send(response_bytes("{}", headers=(f"X-Worker: {connection.worker.port}",)))

    workers = [bench.recording_worker(respond) for _ in range(2)]
    plane, proxy = bench.wired(*(worker.url for worker in workers))
    assert plane.admin.get("/policies").status_code == 200
    with RawConnection(proxy.port) as busy:
        busy.send(b"POST /generate HTTP/1.1\r\nHost: t\r\nContent-Length: 4\r\n\r\nslow")
        occupied = wait_for("the slow request to arrive", lambda: next(
            (worker for worker in workers if worker.routed("/generate")), None))
        free = next(worker for worker in workers if worker is not occupied)
        assert set(ports_of(proxy.port, 10)) == {str(free.port)}
        release.set()
        assert busy.read_response().status == 200


def test_the_policy_can_be_changed_while_requests_flow(bench: Workbench) -> None:
    workers = answering(bench, 2)
    plane, proxy = bench.wired(*(worker.url for worker in workers))
    assert plane.admin.put("/policies/default", json={"name": "round_robin"}).status_code in (200, 202)
    plane.admin.wait_until_applied(1)
    seen = ports_of(proxy.port, 6)
    assert seen[::2] != seen[1::2] and len(set(seen[::2])) == 1 and len(set(seen[1::2])) == 1


@pytest.mark.parametrize(("flags", "part"), [
    (("--policy", "nonsense"), "'nonsense'"), (("--cache-threshold", 2), "--cache-threshold must be a number from 0 to 1"),
    (("--policy", "manual", "--assignment-mode", "fair"), "min_load"), (("--max-tree-size", 5), "--max-tree-size"),
])
@pytest.mark.parametrize("command", ["control-plane", "launch"])
def test_a_wrong_policy_or_parameter_is_refused_with_a_sentence(bench: Workbench, command: str, flags: tuple,
                                                                part: str) -> None:
    ports = ["--port", str(free_port())] if command == "launch" else []
    result = subprocess.run(
        [binary("signalbox"), command, *ports, "--admin-port", str(free_port()), "--prometheus-port", "0", *map(str, flags),
         "--runtime-dir", bench.folder / "r", "--database", bench.folder / "d.db"],
        capture_output=True, text=True, timeout=20,
    )
    assert result.returncode == 64, result.stderr
    assert part in result.stderr
    assert not (bench.folder / "d.db").exists()
