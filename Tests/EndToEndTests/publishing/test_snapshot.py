"""What goes over RUNTIME_DIR/control.sock, read with a raw Unix socket: header line, document line, digest."""

import json
import re
import socket
import subprocess
import time
from pathlib import Path

import jsonschema
import pytest

from support.fleet import PROJECT, ControlPlane, Workbench
from support.snapshots import SnapshotClient, digest
from support.waiting import wait_for

SCHEMA = json.loads((PROJECT / "openapi" / "snapshot.schema.json").read_text())


def validator(definition: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(
        {"$ref": f"#/$defs/{definition}", "$defs": SCHEMA["$defs"]},
        format_checker=jsonschema.FormatChecker(),
    )


def assert_described(value: object, schema: dict, path: str = "$") -> None:
    """Every property of a real message is named by the schema: nothing goes over the wire undocumented."""
    while "$ref" in schema:
        schema = SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]]
    if isinstance(value, dict):
        properties, rest = schema.get("properties", {}), schema.get("additionalProperties")
        for key, item in value.items():
            assert key in properties or isinstance(rest, dict), f"{path}.{key} is not described"
            assert_described(item, properties.get(key, rest), f"{path}.{key}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            assert_described(item, schema.get("items", {}), f"{path}[{index}]")


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_the_digest_covers_exactly_the_documents_line(bench: Workbench) -> None:
    worker, plane = bench.worker(), bench.control_plane()
    plane.admin.add_worker(worker.url)
    with SnapshotClient(plane.control_socket) as client:
        header, document = client.snapshot_at(plane.admin.version()[1])
    assert header["bytes"] == len(document) and document.endswith(b"\n") and document.count(b"\n") == 1
    assert header["digest"] == digest(document)
    file = bench.folder / "document"
    file.write_bytes(document)
    by_tool = subprocess.run(["sha256sum", file], capture_output=True, text=True, check=True).stdout.split()[0]
    assert header["digest"] == "sha256:" + by_tool


def test_header_document_and_health_follow_the_schema(bench: Workbench) -> None:
    worker, plane = bench.worker(), bench.control_plane("--policy", "round_robin")
    plane.admin.post("/workers", json={"url": worker.url, "labels": {"zone": "a"}})
    plane.admin.put("/policies/models/simulated", json={"name": "random"})
    with SnapshotClient(plane.control_socket) as client:
        header, line = client.snapshot_at(plane.admin.version()[1])
        # Another worker sends health again, whatever was passed over before.
        plane.admin.add_worker(bench.worker().url)
        health = client.message("health")
        heartbeat = client.message("heartbeat")
    document = json.loads(line)
    for definition, value in (("header", header), ("snapshot", document), ("health", health), ("heartbeat", heartbeat)):
        validator(definition).validate(value)
        assert_described(value, SCHEMA["$defs"][definition])
    assert document["version"] == {"epoch": header["epoch"], "sequence": header["sequence"]}
    assert document["workers"][0]["url"] == worker.url
    assert document["policy"]["name"] == "round_robin"
    assert document["models"] == [{"model": "simulated", "policy": {"name": "random", "parameters": {}}}]


def test_the_same_rows_give_the_same_bytes(bench: Workbench) -> None:
    plane = bench.control_plane("--disable-health-check")
    for port in (9101, 9102, 9103):
        plane.admin.post("/workers", json={"url": f"http://127.0.0.1:{port}", "labels": {"b": "1", "a": "2", "c": "3"}})
    version = plane.admin.version()
    documents = []
    for name in ("one", "two"):
        with SnapshotClient(plane.control_socket, name) as client:
            documents.append(client.snapshot_at(version[1])[1])
    assert plane.terminate(5) == 0
    again = bench.control_plane("--disable-health-check", database=plane.database)
    assert again.admin.version() == version
    with SnapshotClient(again.control_socket) as client:
        documents.append(client.snapshot_at(version[1])[1])
    assert len(set(documents)) == 1


def test_only_the_newest_version_is_sent_to_one_that_is_slow(bench: Workbench) -> None:
    plane = bench.control_plane("--disable-health-check")
    with SnapshotClient(plane.control_socket, "slow") as slow:
        first, _ = slow.snapshot(acknowledge=False)
        bench.data_plane(plane.control_socket)
        started = time.monotonic()
        for port in range(9100, 9150):
            plane.admin.add_worker(f"http://127.0.0.1:{port}", wait="false")
        _, last = plane.admin.version()
        planes = wait_for_quick(plane, last)
        assert time.monotonic() - started < 5
        assert next(entry for entry in planes if entry["id"] == "slow")["applied"] is None
        slow.acknowledge(first)
        header, _ = slow.snapshot()
        assert header["sequence"] == last, "versions were queued instead of replaced"


def wait_for_quick(plane: ControlPlane, sequence: int) -> list[dict]:
    def fast_applied() -> list[dict] | None:
        planes = plane.admin.data_planes()
        good = any(entry["id"] != "slow" and entry["applied"] and entry["applied"]["sequence"] >= sequence
                   for entry in planes)
        return planes if good else None

    return wait_for("the quick data plane to serve the last version", fast_applied)


def test_the_sockets_belong_to_their_user_alone(bench: Workbench) -> None:
    plane = bench.control_plane()
    for path, mode in ((plane.control_socket, 0o600), (plane.admin_socket, 0o600), (plane.runtime_folder, 0o700)):
        assert Path(path).stat().st_mode & 0o777 == mode, path


@pytest.mark.parametrize("garbage", [b"\n", b"not json\n", b'{"type":"hello"}\n', b'{"type":"ack"}\n', b"x" * 100_000,
                                     b'{"type":"hello","id":7,"pid":"x"}\n', b"\x00\xff\xfe\n", b"[" * 5000 + b"\n"])
def test_garbage_on_the_socket_harms_nobody_else(bench: Workbench, garbage: bytes) -> None:
    plane = bench.control_plane()
    data_plane = bench.data_plane(plane.control_socket)
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(plane.control_socket))
        connection.sendall(garbage)
        plane.admin.put("/policies/default", json={"name": "random"})
        wait_for_quick(plane, plane.admin.version()[1])
    plane.expect_running()
    data_plane.expect_running()
    assert plane.admin.get("/health").status_code == 200


def test_a_person_reads_and_verifies_a_snapshot_with_socat(bench: Workbench) -> None:
    """The command of the README, with the path of this control plane."""
    plane = bench.control_plane("--disable-health-check")
    plane.admin.add_worker("http://127.0.0.1:9100", wait="false")
    readme = (PROJECT / "README.md").read_text()
    [command] = re.findall(r"^\(echo '.*?sha256sum$", readme, re.DOTALL | re.MULTILINE)
    command = command.replace("/run/user/1000/signalbox/control.sock", str(plane.control_socket))
    printed = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=20).stdout.split()
    with SnapshotClient(plane.control_socket) as client:
        header, _ = client.snapshot()
    assert f"sha256:{printed[0]}" == header["digest"]
