"""A crash or an I/O error at each single write, flush and rename: what is on disk is the old state or the new one."""

import errno
import itertools
import json

import httpx
import pytest

from support.fleet import ControlPlane, Workbench
from support.raw_http import ask
from support.waiting import wait_for
from support.write_faults import WriteFaults

QUIET = ("--disable-health-check", "--log-level", "error")
STEPS_MAX = 200


class Database:
    """A control plane's database over the deaths of its control planes."""

    def __init__(self, bench: Workbench):
        self.bench, self.folder, self.path = bench, bench.folder / "run", bench.folder / "signalbox.db"
        self.faults = WriteFaults(bench.folder, self.path)
        self.present: set[str] = set()
        self.sequence = 0

    def start(self, wait: bool = True) -> ControlPlane:
        with self.faults.loaded():
            return self.bench.control_plane(*QUIET, runtime_folder=self.folder, database=self.path, wait=wait)

    def check(self, plane: ControlPlane, unknown: str | None = None) -> None:
        """What was acknowledged is there, what was not is there whole or not at all, and no version was given twice."""
        urls = set(plane.admin.urls())
        assert urls in (self.present, self.present | ({unknown} - {None})), (urls, self.present, unknown)
        self.present = urls
        # In one look, because the control plane may store something by itself.
        [(sequence, *audit)] = plane.rows(
            "SELECT meta.sequence, count(audit.id), count(DISTINCT audit.sequence), ifnull(max(audit.sequence), 0) "
            "FROM meta LEFT JOIN audit")
        assert audit == [sequence] * 3, "versions and audit rows differ"
        assert sequence >= self.sequence, "a version was forgotten"
        self.sequence = sequence
        assert plane.rows("PRAGMA integrity_check") == [("ok",)]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", ["kill", pytest.param("torn", marks=pytest.mark.slow)])
def test_a_control_plane_killed_at_any_write_of_a_change_leaves_the_old_or_the_new_state(
        bench: Workbench, kind: str) -> None:
    database = Database(bench)
    plane = database.start()
    witness = bench.data_plane(plane.control_socket, name="witness")
    applied = 0
    for step in itertools.count(1):
        assert step < STEPS_MAX
        url = f"http://127.3.0.{step}:8000"
        database.faults.arm(step, kind)
        acknowledged = False
        try:
            acknowledged = plane.admin.add_worker(url, wait="false").status_code == 202
        except httpx.HTTPError:
            pass
        if database.faults.is_armed:
            break
        plane.wait(10)
        if acknowledged:
            database.present.add(url)
        plane = database.start()
        database.check(plane, None if acknowledged else url)
        sequence = plane.admin.wait_until_applied(1)[0]["applied"]["sequence"]
        assert sequence >= applied, "the data plane went back"
        applied = sequence
    database.faults.disarm()
    # Rows, frames of the log and one flush at least: otherwise nothing was hit.
    assert acknowledged and step > 5, step
    database.present.add(url)
    database.check(plane)
    witness.expect_running()


@pytest.mark.timeout(300)
@pytest.mark.slow
def test_a_control_plane_killed_at_any_write_of_its_first_start_can_be_started_again(bench: Workbench) -> None:
    database = Database(bench)
    for step in itertools.count(1):
        assert step < STEPS_MAX
        database.path = database.faults.files = bench.folder / f"{step}.db"
        database.present, database.sequence = set(), 0
        database.faults.arm(step, "kill")
        first = database.start(wait=False)
        wait_for("it to die or to serve", lambda: not first.is_running or answers(first), 20)
        if first.is_running:
            first.terminate()
            break
        again = database.start()
        database.check(again)
        assert again.admin.add_worker("http://127.3.0.1:8000", wait="false").status_code == 202
        assert again.terminate() == 0
    database.faults.disarm()
    assert step > 5, step


def answers(plane: ControlPlane) -> bool:
    try:
        return plane.admin.get("/health").status_code == 200
    except httpx.HTTPError:
        return False


@pytest.mark.timeout(300)
def test_an_input_output_error_at_any_write_of_a_change_is_told_and_changes_nothing(bench: Workbench) -> None:
    # One worker at many addresses, so that every request is answered.
    worker = bench.worker(host="0.0.0.0")
    database = Database(bench)
    plane = database.start()
    proxy = bench.data_plane(plane.control_socket)
    assert plane.admin.add_worker(worker.url).status_code == 200
    plane.admin.wait_until_applied(1)
    bench.wait_ready(proxy)
    database.check(plane, worker.url)
    refused = 0
    for step in itertools.count(1):
        assert step < STEPS_MAX
        url = f"http://127.3.0.{step}:{worker.port}"
        database.faults.arm(step, str(errno.EIO))
        answer = plane.admin.add_worker(url, wait="false")
        is_over = database.faults.is_armed
        database.faults.disarm()
        if answer.status_code == 202:
            database.present.add(url)
        else:
            refused += 1
            assert answer.status_code == 503 and "nothing was changed" in answer.text, answer.text
        database.check(plane)
        assert ask(proxy.port, "POST", "/generate", b'{"text":"x"}').status == 200
        if is_over:
            break
        after = f"http://127.4.0.{step}:{worker.port}"
        assert plane.admin.add_worker(after, wait="false").status_code == 202, "it did not recover"
        database.present.add(after)
    assert refused > 3


def test_a_data_plane_killed_at_any_write_of_its_cache_leaves_one_that_serves(bench: Workbench) -> None:
    worker, cache = bench.worker(), bench.folder / "cache"
    plane, filler = bench.wired(worker.url, flags=("--snapshot-cache", cache))
    _, sequence = plane.admin.version()
    wait_for("the cache to be written",
             lambda: cache.exists() and json.loads(cache.read_bytes().split(b"\n")[0])["sequence"] == sequence)
    filler.kill()
    written = cache.stat().st_mtime_ns
    faults = WriteFaults(bench.folder, cache)
    hit = 0
    for step in itertools.count(1):
        faults.arm(step, "kill")
        with faults.loaded():
            proxy = bench.data_plane(plane.control_socket, "--snapshot-cache", cache, wait=False)
        wait_for("it to die or to have written", lambda: not proxy.is_running or cache.stat().st_mtime_ns != written)
        if faults.is_armed:
            break
        proxy.wait(10)
        hit += 1
        # No control plane answers there.
        alone = bench.data_plane(bench.folder / "none.sock", "--snapshot-cache", cache)
        bench.wait_ready(alone)
        assert ask(alone.port, "POST", "/generate", b'{"text":"x"}').status == 200
        alone.kill()
    faults.disarm()
    # Written, flushed and renamed.
    assert hit == 3, hit
