"""Every change has an audit row that a person reads with sqlite3, and that nobody changes."""

import json
import subprocess

from support.fleet import ControlPlane, Workbench
from support.raw_http import ask


def sqlite3(plane: ControlPlane, statement: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["sqlite3", "-json", "-cmd", ".timeout 5000", str(plane.database), statement], capture_output=True, text=True)


def audit(plane: ControlPlane) -> list[dict]:
    return json.loads(sqlite3(plane, "SELECT * FROM audit ORDER BY id").stdout or "[]")


def test_a_change_leaves_a_row_with_who_what_when_and_which_version(bench: Workbench) -> None:
    worker, plane = bench.worker(), bench.control_plane()
    answer = plane.admin.post("/add_worker", params={"url": worker.url}, headers={"x-request-id": "ticket-17"})
    assert answer.status_code == 200
    row = next(row for row in audit(plane) if str(worker.port) in row["subject"] and row["actor"] == "api")
    assert row["source_address"] == "127.0.0.1" and row["request_id"] == "ticket-17"
    assert row["action"].startswith("worker.")
    assert row["time"].startswith("20") and row["time"].endswith("Z")
    assert row["before"] is None and str(worker.port) in row["after"]
    assert row["epoch"] == plane.admin.version()[0]
    assert 1 <= row["sequence"] <= plane.admin.version()[1]


def test_a_removal_keeps_what_was_there_before(bench: Workbench) -> None:
    worker, plane = bench.worker(), bench.control_plane()
    plane.admin.add_worker(worker.url)
    plane.admin.remove_worker(worker.url)
    row = audit(plane)[-1]
    assert row["action"] == "worker.removed"
    assert str(worker.port) in row["before"] and row["after"] is None


def test_there_is_one_row_for_every_sequence(bench: Workbench) -> None:
    plane = bench.control_plane("--disable-health-check")
    for port in range(9100, 9110):
        plane.admin.add_worker(f"http://127.0.0.1:{port}", wait="false")
    plane.admin.put("/policies/default", json={"name": "round_robin"})
    sequences = [row["sequence"] for row in audit(plane)]
    assert sequences == list(range(1, plane.admin.version()[1] + 1))


def test_rows_cannot_be_changed_or_deleted(bench: Workbench) -> None:
    plane = bench.control_plane("--disable-health-check")
    plane.admin.add_worker("http://127.0.0.1:9100", wait="false")
    before = audit(plane)
    for statement in ("UPDATE audit SET actor = 'nobody'", "DELETE FROM audit", "DELETE FROM audit WHERE id = 1",
                      "INSERT OR REPLACE INTO audit SELECT id, time, 'nobody', source_address, request_id, action, subject,"
                      " before, after, epoch, sequence FROM audit",
                      "INSERT OR REPLACE INTO audit SELECT id + 100, time, 'nobody', source_address, request_id, action,"
                      " subject, before, after, epoch, sequence FROM audit"):
        result = sqlite3(plane, statement)
        assert result.returncode != 0 and "audit" in result.stderr.lower(), statement
    assert audit(plane) == before


def test_a_change_over_the_unix_socket_names_the_user(bench: Workbench) -> None:
    plane = bench.control_plane("--disable-health-check")
    command = ["curl", "--silent", "--fail", "--unix-socket", str(plane.admin_socket), "--request", "POST",
               "http://localhost/add_worker?url=http://127.0.0.1:9100&wait=false"]
    assert subprocess.run(command, capture_output=True).returncode == 0
    row = next(row for row in audit(plane) if "9100" in row["subject"])
    assert row["source_address"].startswith("unix:uid=")


def test_the_log_is_also_read_through_the_api(bench: Workbench) -> None:
    plane = bench.control_plane("--disable-health-check")
    for port in (9100, 9101, 9102):
        plane.admin.add_worker(f"http://127.0.0.1:{port}", wait="false")
    answer = plane.admin.get("/audit", params={"limit": 2}).json()
    sequences = [row["version"]["sequence"] for row in answer["audit"]]
    assert len(sequences) == 2 and sequences == sorted(sequences, reverse=True)


def test_a_source_address_header_from_the_network_is_not_believed(bench: Workbench) -> None:
    plane = bench.control_plane("--disable-health-check")
    plane.admin.post("/add_worker", params={"url": "http://127.0.0.1:9100", "wait": "false"},
                     headers={"x-signalbox-source-address": "10.0.0.7"})
    row = next(row for row in audit(plane) if "9100" in row["subject"])
    assert row["source_address"] == "127.0.0.1"


def test_epoch_and_sequence_cannot_be_set_back(bench: Workbench) -> None:
    plane = bench.control_plane("--disable-health-check")
    plane.admin.add_worker("http://127.0.0.1:9100", wait="false")
    version = plane.admin.version()
    for statement in ("UPDATE meta SET sequence = 0", "DELETE FROM meta",
                      "REPLACE INTO meta SELECT 1, epoch, 0, created FROM meta"):
        assert sqlite3(plane, statement).returncode != 0, statement
    assert plane.admin.version() == version


def test_a_web_page_cannot_change_the_fleet(bench: Workbench) -> None:
    """Browsers send such a POST to this machine for any page; they say so in these fields."""
    launch = bench.launch()
    for headers in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        for port in (launch.admin_port, launch.port):
            answer = ask(port, "POST", "/add_worker?url=http://127.0.0.1:9100&wait=false", b"", headers)
            assert answer.status == 403, (port, headers)
    assert launch.admin.urls() == []
