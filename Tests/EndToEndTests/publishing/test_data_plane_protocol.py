"""What a data plane accepts, and what it says, when the test plays its control plane."""

import json
from pathlib import Path

from publishing.test_snapshot import SCHEMA, assert_described, validator
from support.fleet import Workbench
from support.raw_http import ask
from support.scripted_control_plane import EPOCH, ScriptedControlPlane, document
from support.waiting import wait_for

OTHER_EPOCH = "99999999-2222-4333-8444-555555555555"


def socket_path(bench: Workbench) -> Path:
    return bench.folder / "control.sock"


def test_what_it_says_follows_the_schema(bench: Workbench) -> None:
    with ScriptedControlPlane(socket_path(bench)) as plane:
        bench.data_plane(socket_path(bench), name="under-test")
        hello = plane.accept()
        assert hello["id"] == "under-test" and "applied" not in hello
        assert plane.publish(document(5))["type"] == "ack"
        assert plane.publish(document(6), line=b"{}\n")["type"] == "nack"
        wait_for("a heartbeat with the version", lambda: any(beat.get("applied") for beat in plane.heartbeats()))
        kinds = {"hello": "hello", "ack": "ack", "nack": "nack", "heartbeat": "data_plane_heartbeat"}
        for message in plane.received:
            definition = kinds[message["type"]]
            validator(definition).validate(message)
            assert_described(message, SCHEMA["$defs"][definition])
        assert set(kinds) == {message["type"] for message in plane.received}


def test_it_never_goes_back_within_an_epoch_and_follows_a_new_one(bench: Workbench) -> None:
    with ScriptedControlPlane(socket_path(bench)) as plane:
        bench.data_plane(socket_path(bench))
        plane.accept()
        assert plane.publish(document(7))["type"] == "ack"
        refused = plane.publish(document(6))
        assert refused["type"] == "nack" and refused["reason"]
        restored = document(1)
        restored["version"]["epoch"] = OTHER_EPOCH
        assert plane.publish(restored) == {"type": "ack", "epoch": OTHER_EPOCH, "sequence": 1}


def test_unknown_fields_are_ignored_and_unknown_required_features_refused(bench: Workbench) -> None:
    with ScriptedControlPlane(socket_path(bench)) as plane:
        bench.data_plane(socket_path(bench))
        plane.accept()
        assert plane.publish(document(1) | {"a_field_of_tomorrow": [1, {"b": None}]})["type"] == "ack"
        refused = plane.publish(document(2) | {"required_features": ["time_travel"]})
        assert refused["type"] == "nack" and "time_travel" in refused["reason"]
        plane.send(b'{"type":"a_message_of_tomorrow"}\n')
        assert plane.publish(document(3))["type"] == "ack"


def test_a_bad_snapshot_is_refused_with_its_violations_and_the_old_one_serves_on(bench: Workbench) -> None:
    worker = bench.recording_worker()
    with ScriptedControlPlane(socket_path(bench)) as plane:
        proxy = bench.data_plane(socket_path(bench))
        plane.accept()
        good = document(1, (worker.url,))
        assert plane.publish(good)["type"] == "ack"
        twice = document(2, (worker.url, worker.url))
        refused = plane.publish(twice)
        assert refused["type"] == "nack" and any("workers[1].url" in text for text in refused["violations"])
        encoded = json.dumps(document(3)).encode() + b"\n"
        other_bytes = encoded.replace(EPOCH.encode(), EPOCH.replace("1", "2").encode())
        refused = plane.publish(document(3), line=other_bytes)
        assert refused["type"] == "nack" and "digest" in refused["reason"]
        assert ask(proxy.port, "POST", "/generate", b"{}").status == 200


def test_it_serves_on_and_reconnects_when_its_control_plane_goes_away(bench: Workbench) -> None:
    worker = bench.recording_worker()
    with ScriptedControlPlane(socket_path(bench)) as plane:
        proxy = bench.data_plane(socket_path(bench))
        plane.accept()
        plane.publish(document(4, (worker.url,)))
        plane.connection.shutdown(2)
        plane.connection.close()
        assert ask(proxy.port, "POST", "/generate", b"{}").status == 200
        plane.received.clear()
        hello = plane.accept()
        assert hello["applied"] == {"epoch": EPOCH, "sequence": 4}
        assert hello["digest"].startswith("sha256:")
