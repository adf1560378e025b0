"""Disks that are full, files that are damaged, backups that are restored: a clear error, nothing half done, traffic goes on."""

import errno
import os
import resource
import shutil
import signal
import sqlite3

import pytest

from support.fleet import Workbench
from support.limits import limit
from support.load import LoadGenerator
from support.processes import freeze
from support.waiting import wait_for
from support.write_faults import WriteFaults


def test_a_full_disk_refuses_changes_with_507_or_503_and_traffic_goes_on(bench: Workbench) -> None:
    worker, later = bench.worker(), bench.worker()
    plane, proxy = bench.wired(worker.url)
    before, urls = plane.admin.version(), plane.admin.urls()
    # No file may grow beyond what the write-ahead log has now: as a full disk, it fails in the middle of a write.
    size = os.path.getsize(f"{plane.database}-wal")
    resource.prlimit(plane.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    with LoadGenerator(proxy.port, 8) as load:
        wait_for("the load to flow", lambda: load.result.completed > 50)
        refused = plane.admin.add_worker(later.url, wait="false")
        assert refused.status_code in (503, 507), refused.text
        assert "nothing was changed" in refused.text
        assert plane.admin.urls() == urls and plane.admin.version() == before
        after = load.result.completed
        wait_for("traffic to go on", lambda: load.result.completed > after + 100)
        resource.prlimit(plane.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        assert plane.admin.add_worker(later.url).status_code == 200
        wait_for("the new worker to be used", lambda: later.stats()["completed"] > 0)
    assert load.result.failures == []
    assert plane.rows("PRAGMA integrity_check") == [("ok",)]


@pytest.mark.parametrize("damage", ["truncated", "garbage in the middle", "empty folder in its place"])
def test_a_damaged_database_is_named_and_left_alone(bench: Workbench, damage: str) -> None:
    worker = bench.worker()
    plane, _ = bench.wired(worker.url)
    assert plane.terminate(5) == 0
    database = plane.database
    content = database.read_bytes()
    if damage == "truncated":
        database.write_bytes(content[:len(content) // 2 // 4096 * 4096 + 100])
    elif damage == "garbage in the middle":
        database.write_bytes(content[:100] + b"\xde\xad" * ((len(content) - 100) // 2))
    else:
        database.unlink()
        database.mkdir()
    left = None if database.is_dir() else database.read_bytes()
    again = bench.control_plane(database=database, runtime_folder=plane.runtime_folder, wait=False)
    assert again.wait(10) != 0
    assert str(database) in again.log()
    if left is not None:
        assert database.read_bytes()[:100] == left[:100], "the damaged file was replaced"


def test_below_launch_a_damaged_database_stops_no_traffic_and_is_no_crash_loop(bench: Workbench) -> None:
    worker = bench.worker()
    launch = bench.launch(workers=[worker.url])
    bench.wait_ready(launch)
    backup = sqlite3.connect(bench.folder / "good.db")
    with sqlite3.connect(launch.database) as source:
        source.backup(backup)
    backup.close()
    with LoadGenerator(launch.port, 8) as load:
        wait_for("the load to flow", lambda: load.result.completed > 50)
        old = launch.control_plane_pid()
        freeze(old)
        launch.database.write_bytes(b"\xde\xad" * 20_000)
        os.truncate(f"{launch.database}-wal", 0)
        os.kill(old, signal.SIGKILL)
        wait_for("the fault to be told", lambda: "is damaged" in launch.log(), limit(10))
        after = load.result.completed
        wait_for("traffic to go on", lambda: load.result.completed > after + 500)
        assert launch.log().count("is damaged") < 20, "the control plane is started again and again without a pause"
        for name in (launch.database, f"{launch.database}-wal", f"{launch.database}-shm"):
            if os.path.exists(name):
                os.unlink(name)
        shutil.copy(bench.folder / "good.db", launch.database)
        wait_for("the control plane to be back", lambda: launch.admin.get("/health").status_code == 200, limit(40))
        launch.admin.wait_until_applied(1)
    assert load.result.failures == []


@pytest.mark.parametrize("folder", [False, True], ids=["the file", "the whole folder"])
def test_a_restored_backup_gets_a_new_epoch_that_data_planes_follow(bench: Workbench, folder: bool) -> None:
    first, second = bench.worker(), bench.worker()
    plane, proxy = bench.wired(first.url)
    assert plane.terminate(5) == 0
    backup = bench.folder / "backup.db"
    shutil.copy(plane.database, backup)
    shutil.copy(f"{plane.database}.generation", f"{backup}.generation")
    changed = bench.control_plane(database=plane.database, runtime_folder=plane.runtime_folder)
    assert changed.admin.add_worker(second.url).status_code == 200
    changed.admin.wait_until_applied(1)
    epoch, sequence = changed.admin.version()
    assert changed.terminate(5) == 0
    for suffix in ("-wal", "-shm"):
        if os.path.exists(f"{plane.database}{suffix}"):
            os.unlink(f"{plane.database}{suffix}")
    shutil.copy(backup, plane.database)
    if folder:
        # What shows the restoration is gone as well, and only the data plane knows.
        shutil.copy(f"{backup}.generation", f"{plane.database}.generation")
    restored = bench.control_plane(database=plane.database, runtime_folder=plane.runtime_folder)
    wait_for("a new epoch", lambda: restored.admin.version()[0] != epoch)
    assert "was restored" in restored.log()
    restored.admin.wait_until_applied(1)
    assert restored.admin.urls() == [first.url]
    assert restored.rows("SELECT actor FROM audit WHERE action = 'epoch.renewed'") == [("control-plane",)]
    assert restored.terminate(5) == 0
    kept = bench.control_plane(database=plane.database, runtime_folder=plane.runtime_folder)
    assert kept.admin.version()[0] == restored.rows("SELECT epoch FROM meta")[0][0]


def test_an_epoch_that_cannot_be_written_is_tried_again(bench: Workbench) -> None:
    worker = bench.worker()
    plane, proxy = bench.wired(worker.url)
    assert plane.terminate(5) == 0
    backup = bench.folder / "backup.db"
    shutil.copy(plane.database, backup)
    shutil.copy(f"{plane.database}.generation", f"{backup}.generation")
    changed = bench.control_plane(database=plane.database, runtime_folder=plane.runtime_folder)
    assert changed.admin.add_worker(bench.worker().url).status_code == 200
    changed.admin.wait_until_applied(1)
    epoch, _ = changed.admin.version()
    assert changed.terminate(5) == 0
    freeze(proxy.pid)
    for suffix in ("-wal", "-shm"):
        if os.path.exists(f"{plane.database}{suffix}"):
            os.unlink(f"{plane.database}{suffix}")
    shutil.copy(backup, plane.database)
    shutil.copy(f"{backup}.generation", f"{plane.database}.generation")
    faults = WriteFaults(bench.folder, plane.database)
    with faults.loaded():
        restored = bench.control_plane(
            "--disable-health-check", database=plane.database, runtime_folder=plane.runtime_folder)
    faults.arm(1, str(errno.ENOSPC))
    # The data plane greets now, and only once.
    os.kill(proxy.pid, signal.SIGCONT)
    wait_for("the failure to be told", lambda: "cannot be renewed" in restored.log())
    assert not faults.is_armed
    wait_for("a new epoch", lambda: restored.admin.version()[0] != epoch, limit(10))
    restored.admin.wait_until_applied(1)
    assert restored.admin.urls() == [worker.url]


@pytest.mark.parametrize(("error", "status", "code"), [
    (errno.ENOSPC, 507, "DISK_FULL"), (errno.EROFS, 503, "DATABASE_UNUSABLE"), (errno.EIO, 503, "DATABASE_UNUSABLE")])
def test_a_write_that_fails_refuses_the_change_by_its_name(bench: Workbench, error: int, status: int, code: str) -> None:
    database = bench.folder / "signalbox.db"
    faults = WriteFaults(bench.folder, database)
    with faults.loaded():
        plane = bench.control_plane("--disable-health-check", database=database)
    before = plane.admin.version()
    faults.arm(1, str(error))
    refused = plane.admin.add_worker("http://127.3.0.1:8000", wait="false")
    assert not faults.is_armed, "no write was hit"
    assert (refused.status_code, refused.json()["code"]) == (status, code), refused.text
    assert "nothing was changed" in refused.text
    assert plane.admin.version() == before and plane.admin.urls() == []
    assert plane.admin.add_worker("http://127.3.0.1:8000", wait="false").status_code == 202
    assert plane.rows("PRAGMA integrity_check") == [("ok",)]
