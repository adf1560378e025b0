"""Requests that wait for the first byte of a worker that has fallen silent are answered by another one."""

import threading
import time

import httpx

from support.fleet import ControlPlane, DataPlane, SimulatedWorker, Workbench
from support.limits import limit
from support.load import chat_request
from support.processes import freeze
from support.raw_http import RawConnection
from support.waiting import wait_for

QUICK_PROBES = ("--health-check-interval-secs", 1, "--health-check-timeout-secs", 1, "--health-failure-threshold", 2)
REQUEST = chat_request(max_tokens=4)
REQUESTS = 8


class Askers:
    """Clients that each send one request and wait for its answer, for ever."""

    def __init__(self, port: int):
        self.connections = [RawConnection(port, timeout=limit(60)) for _ in range(REQUESTS)]
        self.statuses: list[int] = []
        for connection in self.connections:
            connection.send(REQUEST)
        self.threads = [threading.Thread(target=self._read, args=(connection,)) for connection in self.connections]
        for thread in self.threads:
            thread.start()

    def _read(self, connection: RawConnection) -> None:
        self.statuses.append(connection.read_response().status)

    def wait(self) -> list[int]:
        for thread in self.threads:
            thread.join()
        return self.statuses


def fleet(bench: Workbench, *flags: object) -> tuple[ControlPlane, DataPlane, SimulatedWorker, SimulatedWorker]:
    good, bad = bench.worker(), bench.worker()
    plane = bench.control_plane("--policy", "round_robin", *QUICK_PROBES, *flags)
    proxy = bench.data_plane(plane.control_socket)
    for worker in (good, bad):
        assert plane.admin.add_worker(worker.url).status_code == 200
    plane.admin.wait_until_applied(1)
    bench.wait_ready(proxy)
    return plane, proxy, good, bad


def state(plane: ControlPlane, worker: SimulatedWorker) -> str:
    return plane.admin.worker(worker.url)["state"]


def load(plane: ControlPlane, worker: SimulatedWorker) -> int:
    return plane.admin.worker(worker.url)["load"]


def test_a_frozen_worker_loses_what_awaits_its_first_byte_to_another_one(bench: Workbench) -> None:
    plane, proxy, good, bad = fleet(bench, "--retry-silence-secs", 1)
    freeze(bad.pid)
    started = time.monotonic()
    askers = Askers(proxy.port)
    assert askers.wait() == [200] * REQUESTS
    took = time.monotonic() - started
    assert state(plane, bad) == "unhealthy"
    assert good.stats()["completed"] == REQUESTS, "the frozen worker had no request that could move"
    # Two probes of a second each, a second between them, and a second without a byte; the limit of a request is 1,800 s.
    assert took < limit(8)
    wait_for("the counts to be even", lambda: load(plane, bad) == 0)


def test_a_worker_that_answers_its_probes_with_errors_keeps_what_it_has(bench: Workbench) -> None:
    plane, proxy, good, bad = fleet(bench, "--retry-silence-secs", 1)
    fault = {"path": "/v1", "delay_head_ms": 6000, "health_status": 503}
    httpx.post(f"{bad.url}/faults", json=fault).raise_for_status()
    askers = Askers(proxy.port)
    wait_for("the worker to be out", lambda: state(plane, bad) == "unhealthy", limit(8))
    assert askers.wait() == [200] * REQUESTS
    assert good.stats()["completed"] == bad.stats()["completed"] == REQUESTS / 2
