"""kill -9 of the control plane: traffic does not notice, and nothing that was acknowledged is lost."""

import random
import threading
import time

import httpx
import pytest

from support.fleet import ControlPlane, Workbench, rows
from support.limits import limit
from support.load import LoadGenerator
from support.measurements import record
from support.processes import freeze, kill_pid
from support.snapshots import SnapshotClient
from support.waiting import wait_for

CLIENTS = 64


def fleet_rows(plane: ControlPlane) -> list[tuple]:
    return plane.rows("SELECT id, incarnation, url FROM worker ORDER BY position")


@pytest.mark.measured
def test_no_request_fails_when_it_runs_by_itself(bench: Workbench) -> None:
    workers = [bench.worker(), bench.worker()]
    plane, proxy = bench.wired(*(worker.url for worker in workers))
    before_version, before_rows = plane.admin.version(), fleet_rows(plane)
    with LoadGenerator(proxy.port, CLIENTS) as load:
        wait_for("the load to flow", lambda: load.result.completed > 200)
        plane.kill()
        at_kill = load.result.completed
        wait_for("traffic without a control plane", lambda: load.result.completed > at_kill + 500)
        started = time.monotonic()
        again = bench.control_plane(runtime_folder=plane.runtime_folder, database=plane.database)
        up = time.monotonic()
        again.admin.wait_until_applied(1)
        reconnected = time.monotonic() - up
        after = load.result.completed
        wait_for("traffic with the new one", lambda: load.result.completed > after + 500)
    assert load.result.failures == [], f"{len(load.result.failures)} failed: {load.result.failures[:3]}"
    assert fleet_rows(again) == before_rows
    assert again.admin.version()[0] == before_version[0]
    assert again.admin.version()[1] >= before_version[1]
    name = "crashes/test_control_plane_killed.py"
    record("Control plane killed by itself", f"failed of {load.result.completed} requests ({CLIENTS} clients)",
           len(load.result.failures), "requests", "0", name)
    record("Control plane killed by itself", "restart until it answers", up - started, "s", "-", name)
    record("Control plane killed by itself", "data plane reconnected after", reconnected, "s", "2", name)
    assert reconnected < limit(2)


@pytest.mark.measured
def test_no_request_fails_below_launch(bench: Workbench) -> None:
    workers = [bench.worker(), bench.worker()]
    launch = bench.launch(workers=[worker.url for worker in workers], data_planes=2)
    bench.wait_ready(launch)
    before_version, before_rows = launch.admin.version(), fleet_rows(launch)
    with LoadGenerator(launch.port, CLIENTS) as load:
        wait_for("the load to flow", lambda: load.result.completed > 200)
        victim = launch.control_plane_pid()
        started = time.monotonic()
        kill_pid(victim)
        wait_for("another control plane", lambda: launch.control_plane_pid() not in (None, victim))
        wait_for("it to answer", lambda: launch.admin.get("/health").status_code == 200)
        up = time.monotonic()
        launch.admin.wait_until_applied(2)
        reconnected = time.monotonic() - up
        after = load.result.completed
        wait_for("traffic with the new one", lambda: load.result.completed > after + 500)
    assert load.result.failures == [], f"{len(load.result.failures)} failed: {load.result.failures[:3]}"
    assert fleet_rows(launch) == before_rows
    assert launch.admin.version()[0] == before_version[0] and launch.admin.version()[1] >= before_version[1]
    name = "crashes/test_control_plane_killed.py"
    record("Control plane killed below launch", f"failed of {load.result.completed} requests ({CLIENTS} clients)",
           len(load.result.failures), "requests", "0", name)
    record("Control plane killed below launch", "answers again after", up - started, "s", "-", name)
    record("Control plane killed below launch", "data planes reconnected after", reconnected, "s", "2", name)
    assert reconnected < limit(2)


class BurstOfChanges:
    """Adds and removes workers as fast as it can until the control plane is gone; keeps what was acknowledged."""

    def __init__(self, plane: ControlPlane, first_number: int):
        self.plane, self.number = plane, first_number
        self.present: dict[str, int] = {}
        self.removed: dict[str, int] = {}
        self.unknown: set[str] = set()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        dice = random.Random(self.number)
        while True:
            self.number += 1
            if self.present and dice.random() < 0.3:
                url, removing = dice.choice(list(self.present)), True
            else:
                url, removing = f"http://127.2.{self.number // 250 % 250}.{self.number % 250 + 1}:{8000 + self.number // 62500}", False
            self.unknown.add(url)
            try:
                if removing:
                    answer = self.plane.admin.remove_worker(url)
                    assert answer.status_code == 200
                    sequence = int(answer.headers["x-signalbox-sequence"])
                    del self.present[url]
                    self.removed[url] = sequence
                else:
                    answer = self.plane.admin.add_worker(url, wait="false")
                    assert answer.status_code == 202, answer.text
                    self.present[url] = answer.json()["version"]["sequence"]
            except httpx.HTTPError:
                return
            self.unknown.discard(url)


def watch(path: str, name: str, seen: list[tuple[str, int]], stop: threading.Event) -> None:
    """A data plane of the test: keeps every version that it is sent, over all connections."""
    while not stop.is_set():
        try:
            with SnapshotClient(path, name, timeout=1) as client:
                while not stop.is_set():
                    header, _ = client.snapshot()
                    seen.append((header["epoch"], header["sequence"]))
        except (OSError, EOFError, ValueError):
            stop.wait(0.005)


@pytest.mark.timeout(300)
def test_50_kills_during_bursts_of_changes_lose_nothing(bench: Workbench) -> None:
    runtime_folder, database = bench.folder / "run", bench.folder / "signalbox.db"
    dice, seen, stop = random.Random(50), [], threading.Event()
    present: dict[str, int] = {}
    epoch, last_sequence, applied_last, number, acknowledged = "", 0, 0, 0, 0
    proxy = None
    watcher = None
    for round_number in range(50):
        plane = bench.control_plane(
            "--disable-health-check", "--log-level", "error", runtime_folder=runtime_folder, database=database,
        )
        if watcher is None:
            proxy = bench.data_plane(plane.control_socket, name="witness")
            watcher = threading.Thread(target=watch, args=(str(plane.control_socket), "watcher", seen, stop), daemon=True)
            watcher.start()
            epoch = plane.admin.version()[0]
        assert plane.admin.version()[0] == epoch
        assert plane.admin.version()[1] >= last_sequence
        burst = BurstOfChanges(plane, number)
        time.sleep(0.02 + dice.random() * 0.25)
        witness = next((entry for entry in plane.admin.data_planes() if entry["id"] == "witness" and entry["applied"]), None)
        if witness:
            assert witness["applied"]["epoch"] == epoch
            assert witness["applied"]["sequence"] >= applied_last, "a data plane went back"
            applied_last = witness["applied"]["sequence"]
        plane.kill()
        burst.thread.join(10)
        number = burst.number
        acknowledged += len(burst.present) + len(burst.removed)
        check_round(database, round_number, burst, present)
        last_sequence = max([last_sequence, *burst.present.values(), *burst.removed.values()])
    stop.set()
    watcher.join(5)
    proxy.expect_running()
    assert seen and applied_last > 0 and acknowledged > 100, "the changes, or the witnesses, did not come about"
    sequences = [sequence for watched_epoch, sequence in seen if watched_epoch == epoch]
    assert len(sequences) == len(seen) and sequences == sorted(sequences), "a lower version was published"
    audited = [row[0] for row in rows(database, "SELECT sequence FROM audit ORDER BY id")]
    assert audited == list(range(1, len(audited) + 1)), "the audit log has a gap or a repetition"
    record("Control plane killed 50 times in a burst of changes", f"acknowledged changes lost, of {acknowledged}", 0,
           "changes", "0", "crashes/test_control_plane_killed.py")


def check_round(database, round_number: int, burst: BurstOfChanges, present: dict[str, int]) -> None:
    """Every acknowledged change is in the database with its audit row and its version."""
    stored = {url.rstrip("/") for (url,) in rows(database, "SELECT url FROM worker WHERE intent = 'active'")}
    for url, sequence in burst.present.items():
        if url not in burst.unknown:
            assert url in stored, f"round {round_number}: {url} was acknowledged and is gone"
            present[url] = sequence
        [(subject,)] = rows(database, "SELECT subject FROM audit WHERE sequence = ?", sequence)
        assert url in subject
    for url, sequence in burst.removed.items():
        assert url not in stored, f"round {round_number}: {url} was removed and is back"
        [(subject, action)] = rows(database, "SELECT subject, action FROM audit WHERE sequence = ?", sequence)
        assert url in subject and action in ("worker.draining", "worker.removed")
    for url in present:
        assert url in stored or url in burst.removed or url in burst.unknown, f"round {round_number}: {url} is gone"
    for url in (*burst.removed, *burst.unknown):
        present.pop(url, None)


def test_no_request_goes_to_a_worker_that_was_dead_before_the_restart(bench: Workbench) -> None:
    good, bad = bench.worker(), bench.worker()
    launch = bench.launch("--policy", "round_robin", "--health-check-interval-secs", 1, "--health-check-timeout-secs", 2,
                          workers=[good.url, bad.url])
    bench.wait_ready(launch)
    freeze(bad.pid)
    wait_for("it to be found", lambda: launch.admin.worker(bad.url)["state"] == "unhealthy", limit(20))
    before = launch.control_plane_pid()
    kill_pid(before)
    wait_for("its successor", lambda: launch.control_plane_pid() not in (None, before))
    bench.wait_for_admin(launch)
    launch.admin.wait_until_applied(1)
    statuses = [httpx.post(f"{launch.url}/generate", json={"text": "x"}, timeout=limit(5)).status_code for _ in range(8)]
    assert statuses == [200] * 8
