"""Settings reach the data plane, and change there without a restart."""

import json
import time

from support.fleet import ControlPlane, Workbench
from support.limits import limit
from support.raw_http import Response, ask
from support.recording_worker import RecordedRequest, WorkerConnection, response_bytes
from support.snapshots import SnapshotClient
from support.waiting import wait_for


def change(plane: ControlPlane, path: str, values: dict) -> None:
    answer = plane.admin.patch(path, json=values)
    assert answer.status_code == 200, answer.text
    plane.admin.wait_until_applied(1)


def complete(port: int, model: str) -> Response:
    return ask(port, "POST", "/v1/completions", json.dumps({"model": model, "prompt": "x"}).encode())


def test_a_snapshot_carries_every_setting(bench: Workbench) -> None:
    plane = bench.control_plane("--timeout-first-byte-secs", "0.5")
    wait_for("the flag to be stored", lambda: plane.admin.version()[1] == 1)
    plane.admin.patch("/settings", json={"via": "edge", "connections_max": 9})
    with SnapshotClient(plane.control_socket) as client:
        _, document = client.snapshot_at(plane.admin.version()[1])
    settings = json.loads(document)["settings"]
    assert settings == plane.admin.get("/settings").json()["settings"]
    assert (settings["via"], settings["connections_max"]) == ("edge", 9)
    assert settings["first_byte_timeout_milliseconds"] == 500


def test_a_changed_limit_applies_to_the_next_request(bench: Workbench) -> None:
    worker = bench.recording_worker()
    plane, proxy = bench.wired(worker.url)
    assert ask(proxy.port, "POST", "/generate", b"x" * 2000).status == 200
    change(plane, "/settings", {"payload_bytes_max": 1000})
    assert ask(proxy.port, "POST", "/generate", b"x" * 2000).status == 413
    change(plane, "/settings", {"payload_bytes_max": None})
    assert ask(proxy.port, "POST", "/generate", b"x" * 2000).status == 200


def test_words_change_what_a_worker_is_sent(bench: Workbench) -> None:
    worker = bench.recording_worker()
    plane, proxy = bench.wired(worker.url)

    def sent() -> tuple[str | None, str | None]:
        assert ask(proxy.port, "POST", "/generate", b"{}", {"X-Forwarded-For": "192.0.2.7"}).status == 200
        request = worker.routed("/generate")[-1]
        return request.header("via"), request.header("x-forwarded-for")

    assert sent() == ("1.1 signalbox", "192.0.2.7, 127.0.0.1")
    change(plane, "/settings", {"via": "edge", "forwarded_fields": "replace"})
    assert sent() == ("1.1 edge", "127.0.0.1")
    change(plane, "/settings", {"via": "", "forwarded_fields": "remove"})
    assert sent() == (None, None)
    change(plane, "/settings", {"via": None, "forwarded_fields": "pass"})
    assert sent() == ("1.1 signalbox", "192.0.2.7")


def test_a_models_own_time_limit_ends_its_requests_and_no_others(bench: Workbench) -> None:
    """Both models wait a second for their first byte; one of them has less time than that."""
    def respond(connection: WorkerConnection, request: RecordedRequest) -> None:
        time.sleep(1)
        connection.send(response_bytes({"done": True}))

    worker = bench.recording_worker(respond)
    worker.models = [{"id": "quick"}, {"id": "patient"}]
    plane, proxy = bench.wired(worker.url)
    change(plane, "/settings/models/quick", {"first_byte_timeout_milliseconds": 200})
    started = time.monotonic()
    assert complete(proxy.port, "quick").status == 504
    assert 0.2 <= time.monotonic() - started < limit(0.9)
    assert complete(proxy.port, "patient").status == 200
    assert plane.admin.delete("/settings/models/quick").status_code == 200
    plane.admin.wait_until_applied(1)
    assert complete(proxy.port, "quick").status == 200


def test_what_a_data_plane_holds_is_shown(bench: Workbench) -> None:
    plane, proxy = bench.wired(bench.worker().url)
    held = wait_for("a heartbeat", lambda: plane.admin.data_planes()[0]["held"])
    assert set(held) == {"input_bytes", "body_bytes", "unsent_bytes", "spooled_bytes", "upstream_connections",
                         "idle_upstream_connections", "prefix_index_bytes"}
    assert complete(proxy.port, "simulated").status == 200
    wait_for("the idle connection to the worker to be counted",
             lambda: plane.admin.data_planes()[0]["held"]["idle_upstream_connections"] >= 1)


def test_one_that_does_not_say_what_it_holds_is_shown_with_null(bench: Workbench) -> None:
    plane = bench.control_plane()
    with SnapshotClient(plane.control_socket, "old") as client:
        client.snapshot()
        entry = wait_for("its heartbeat", lambda: next(
            (entry for entry in plane.admin.data_planes() if entry["last_heartbeat"]), None))
        assert entry["held"] is None
