"""The database belongs to one control plane, and a restart loses nothing."""

import sqlite3
import subprocess

from support.fleet import Workbench, binary
from support.ports import free_port
from support.waiting import wait_for


def test_a_restart_keeps_workers_order_epoch_and_sequence(bench: Workbench) -> None:
    first = bench.control_plane("--disable-health-check")
    urls = [f"http://127.0.0.1:{port}" for port in (9103, 9101, 9102)]
    for url in urls:
        first.admin.add_worker(url, wait="false")
    version = first.admin.version()
    assert first.terminate(5) == 0
    second = bench.control_plane("--disable-health-check", database=first.database)
    assert second.admin.urls() == urls
    assert second.admin.version()[0] == version[0]
    assert second.admin.version()[1] >= version[1]


def test_a_new_database_has_a_new_epoch(bench: Workbench) -> None:
    first, second = bench.control_plane(), bench.control_plane()
    assert first.admin.version()[0] != second.admin.version()[0]


def test_a_second_control_plane_on_the_same_database_is_refused(bench: Workbench) -> None:
    first = bench.control_plane()
    second = bench.control_plane(database=first.database, wait=False)
    assert second.wait(10) == 75
    assert str(first.database) in second.log() and str(first.pid) in second.log()
    assert first.admin.get("/health").status_code == 200


def test_a_second_name_of_the_database_is_no_way_in(bench: Workbench) -> None:
    first = bench.control_plane()
    symbolic, hard = bench.folder / "symbolic.db", bench.folder / "hard.db"
    symbolic.symlink_to(first.database)
    hard.hardlink_to(first.database)
    assert bench.control_plane(database=symbolic, wait=False).wait(10) in (73, 75)
    assert bench.control_plane(database=hard, wait=False).wait(10) == 73
    hard.unlink()
    second = bench.control_plane(database=symbolic, wait=False)
    assert second.wait(10) == 75
    assert first.admin.get("/health").status_code == 200


def test_a_second_control_plane_in_the_same_runtime_folder_is_refused(bench: Workbench) -> None:
    first = bench.control_plane()
    second = bench.control_plane(runtime_folder=first.runtime_folder, wait=False)
    assert second.wait(10) == 75
    assert "--runtime-dir" in second.log() or str(first.runtime_folder) in second.log()
    assert first.control_socket.exists() and first.admin_socket.exists()
    assert first.admin.get("/health").status_code == 200


def test_a_lock_ends_with_its_holder_even_by_kill_9(bench: Workbench) -> None:
    first = bench.control_plane()
    first.kill()
    second = bench.control_plane(runtime_folder=first.runtime_folder, database=first.database)
    assert second.admin.get("/health").status_code == 200


def test_tables_are_strict_and_the_log_is_write_ahead(bench: Workbench) -> None:
    plane = bench.control_plane()
    assert plane.rows("PRAGMA journal_mode") == [("wal",)]
    tables = dict(plane.rows("SELECT name, sql FROM sqlite_schema WHERE type = 'table'"))
    for table in ("worker", "audit", "snapshot_history"):
        assert tables[table].rstrip().upper().endswith("STRICT"), tables[table]


def test_the_last_20_published_snapshots_are_kept_whole(bench: Workbench) -> None:
    plane = bench.control_plane("--disable-health-check")
    bench.data_plane(plane.control_socket)
    for port in range(9100, 9130):
        plane.admin.add_worker(f"http://127.0.0.1:{port}", wait="false")
        plane.admin.wait_until_applied(1)
    # They are noted behind their publication.
    wait_for("30 of them", lambda: plane.rows("SELECT count(*) FROM snapshot_history")[0][0] >= 30)
    history = plane.rows("SELECT sequence, digest, document FROM snapshot_history ORDER BY sequence")
    assert all(row[1].startswith("sha256:") for row in history)
    assert [row[2] is not None for row in history][-20:] == [True] * 20
    assert sum(row[2] is not None for row in history) == 20


def test_a_file_that_is_no_database_is_named(bench: Workbench) -> None:
    database = bench.folder / "bad.db"
    database.write_bytes(b"this is not a database" * 100)
    plane = bench.control_plane(database=database, wait=False)
    assert plane.wait(10) != 0
    assert str(database) in plane.log()
    assert database.read_bytes().startswith(b"this is not")


def test_command_line_workers_are_reconciled_and_others_stay(bench: Workbench) -> None:
    first = bench.control_plane(
        "--disable-health-check", "--worker-urls", "http://127.0.0.1:9101", "http://127.0.0.1:9102",
    )
    first.admin.add_worker("http://127.0.0.1:9103", wait="false")
    kept = first.admin.worker("http://127.0.0.1:9102")["incarnation"]
    assert first.terminate(5) == 0
    second = bench.control_plane(
        "--disable-health-check", "--worker-urls", "http://127.0.0.1:9102", "http://127.0.0.1:9104",
        database=first.database,
    )
    listed = [f"http://127.0.0.1:{port}" for port in (9102, 9103, 9104)]
    wait_for("the command line to be applied", lambda: second.admin.urls() == listed)
    assert second.admin.worker("http://127.0.0.1:9102")["incarnation"] == kept
    draining = second.rows("SELECT actor FROM audit WHERE action = 'worker.draining' AND subject LIKE '%9101%'")
    assert draining == [("cli",)]
    wait_for("the worker to be gone", lambda: len(second.admin.workers()) == 3)
    assert second.terminate(5) == 0
    third = bench.control_plane("--disable-health-check", database=first.database)
    assert third.admin.urls() == [f"http://127.0.0.1:{port}" for port in (9102, 9103, 9104)]


def test_a_bad_url_on_the_command_line_is_a_usage_error(bench: Workbench) -> None:
    result = subprocess.run(
        [binary("signalbox"), "control-plane", "--admin-port", str(free_port()), "--prometheus-port", "0", "--runtime-dir", bench.folder / "r",
         "--database", bench.folder / "d.db", "--worker-urls", "http://127.0.0.1:0"],
        capture_output=True, text=True, timeout=20,
    )
    assert result.returncode == 64
    assert "http://127.0.0.1:0" in result.stderr or "port '0'" in result.stderr


def test_the_database_file_passes_sqlites_own_check(bench: Workbench) -> None:
    plane = bench.control_plane("--disable-health-check")
    for port in range(9100, 9120):
        plane.admin.add_worker(f"http://127.0.0.1:{port}", wait="false")
    plane.kill()
    connection = sqlite3.connect(plane.database)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    connection.close()
