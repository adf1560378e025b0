"""GET /data_planes: what every data plane serves, and what it refused."""

import os
import signal
import time

import pytest

from support.fleet import Workbench
from support.limits import limit
from support.measurements import record
from support.processes import freeze
from support.raw_http import ask
from support.snapshots import SnapshotClient
from support.waiting import wait_for


def test_every_connected_data_plane_is_listed_with_what_it_serves(bench: Workbench) -> None:
    plane = bench.control_plane()
    proxies = [bench.data_plane(plane.control_socket, name=name) for name in ("north", "south")]
    entries = {entry["id"]: entry for entry in plane.admin.wait_until_applied(2)}
    epoch, sequence = plane.admin.version()
    assert set(entries) == {"north", "south"}
    for name, proxy in zip(("north", "south"), proxies, strict=True):
        entry = entries[name]
        assert entry["pid"] == proxy.pid
        assert entry["applied"] == {"epoch": epoch, "sequence": sequence}
        assert entry["in_flight"] == 0 and entry["last_error"] is None and entry["lag_seconds"] == 0
    wait_for("a heartbeat of both", lambda: all(entry["last_heartbeat"] for entry in plane.admin.data_planes()))


def test_one_that_left_is_still_listed_as_disconnected(bench: Workbench) -> None:
    plane = bench.control_plane()
    leaving = bench.data_plane(plane.control_socket, name="gone")
    plane.admin.wait_until_applied(1)
    leaving.kill()
    wait_for("it to be seen as gone", lambda: not plane.admin.data_planes())
    [entry] = plane.admin.data_planes(connected=False)
    assert entry["id"] == "gone" and entry["disconnected_since"]


def test_a_refused_snapshot_is_shown_with_its_reason(bench: Workbench) -> None:
    plane = bench.control_plane()
    with SnapshotClient(plane.control_socket, "critic") as client:
        header, _ = client.snapshot(acknowledge=False)
        client.reject(header, "This document displeases me.")
        entry = wait_for("the refusal to be shown", lambda: next(
            (entry for entry in plane.admin.data_planes() if entry["last_error"]), None))
        assert "This document displeases me." in entry["last_error"]
        assert entry["applied"] is None


def test_a_data_plane_may_start_before_its_control_plane(bench: Workbench) -> None:
    runtime_folder, database = bench.folder / "run", bench.folder / "late.db"
    runtime_folder.mkdir(mode=0o700)
    proxy = bench.data_plane(runtime_folder / "control.sock")
    assert ask(proxy.port, "GET", "/health").status == 200
    assert ask(proxy.port, "GET", "/readiness").status == 503
    worker = bench.worker()
    plane = bench.control_plane(runtime_folder=runtime_folder, database=database)
    assert plane.admin.add_worker(worker.url).status_code == 200
    plane.admin.wait_until_applied(1, seconds=limit(3))
    bench.wait_ready(proxy)


def test_a_stopped_data_plane_delays_neither_the_others_nor_the_api(bench: Workbench) -> None:
    plane = bench.control_plane("--disable-health-check")
    stopped = bench.data_plane(plane.control_socket, name="stopped")
    bench.data_plane(plane.control_socket, name="running")
    plane.admin.wait_until_applied(2)
    freeze(stopped.pid)
    try:
        started = time.monotonic()
        for port in range(9100, 9200):
            assert plane.admin.add_worker(f"http://127.0.0.1:{port}", wait="false").status_code == 202
        _, last = plane.admin.version()

        def running_applied() -> bool:
            return any(entry["id"] == "running" and entry["applied"]["sequence"] >= last
                       for entry in plane.admin.data_planes())

        wait_for("the running one to serve the last version", running_applied)
        assert time.monotonic() - started < limit(3)
    finally:
        os.kill(stopped.pid, signal.SIGCONT)
    plane.admin.wait_until_applied(2, seconds=limit(5))


def test_wait_applied_answers_when_all_have_the_change_and_names_those_that_have_not(bench: Workbench) -> None:
    worker, plane = bench.worker(), bench.control_plane()
    bench.data_plane(plane.control_socket, name="quick")
    answer = plane.admin.add_worker(worker.url, wait="applied")
    assert answer.status_code == 200
    _, sequence = plane.admin.version()
    assert plane.admin.applied_by(1, sequence)
    with SnapshotClient(plane.control_socket, "laggard") as client:
        client.snapshot(acknowledge=False)
        answer = plane.admin.remove_worker(worker.url, wait="applied", timeout="1")
        assert answer.status_code == 202
        assert "laggard" in answer.text and "quick" not in answer.text


@pytest.mark.measured
def test_1000_workers_reach_4_data_planes_within_a_second(bench: Workbench) -> None:
    plane = bench.control_plane("--disable-health-check")
    for index in range(4):
        bench.data_plane(plane.control_socket, name=f"plane-{index}")
    plane.admin.wait_until_applied(4)
    started = time.monotonic()
    for index in range(1000):
        url = f"http://127.1.{index // 250}.{index % 250 + 1}:8000"
        assert plane.admin.add_worker(url, wait="false").status_code == 202
    added = time.monotonic()
    plane.admin.wait_until_applied(4)
    applied = time.monotonic()
    assert len(plane.admin.urls()) == 1000
    record("Publishing", "1,000 workers added one by one", added - started, "s", "-", "publishing/test_data_planes.py")
    record("Publishing", "then: last version acknowledged by 4 data planes", applied - added, "s", "1",
           "publishing/test_data_planes.py")
    assert applied - added < limit(1)


def test_wait_applied_names_a_data_plane_that_has_fallen_silent(bench: Workbench) -> None:
    """A stopped process routes by its old table when it goes on, so its silence is no consent."""
    worker, plane = bench.worker(), bench.control_plane()
    bench.data_plane(plane.control_socket, name="quick")
    frozen = bench.data_plane(plane.control_socket, name="frozen")
    plane.admin.wait_until_applied(2)
    freeze(frozen.pid)
    answer = plane.admin.add_worker(worker.url, wait="applied", timeout="3")
    assert answer.status_code == 202
    assert answer.json()["laggards"] == ["frozen"]
    frozen.signal(signal.SIGCONT)
    plane.admin.wait_until_applied(2)
