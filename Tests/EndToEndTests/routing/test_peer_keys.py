"""The key of data planes on several hosts comes from the control plane, in a message that nobody else sees."""

import os
import signal
import time
from pathlib import Path

import pytest
from routing.test_peers_between_hosts import KEY, OTHER_KEY, Hosts, key_file
from support.fleet import Workbench
from support.limits import limit
from support.ports import free_port
from support.snapshots import SnapshotClient
from support.waiting import wait_for

THIRD_KEY = "t" * 40


@pytest.fixture
def hosts(bench: Workbench):
    """Two hosts with a control plane each, which have a key file each."""
    keys = tuple(key_file(bench, f"key-{index}", KEY) for index in range(2))
    hosts = Hosts(bench, control_planes=2, keys=keys)
    hosts.keys = keys
    try:
        yield hosts
    finally:
        hosts.close()


def start(hosts: Hosts) -> list:
    ports = [free_port(), free_port()]
    planes = [hosts.data_plane(f"plane-{index}", None, ports[index], *ports, control=index) for index in range(2)]
    hosts.wait_ready(*planes)
    return planes


def hear_one_another(hosts: Hosts) -> None:
    hosts.wait_until_heard("plane-0", "plane-1")
    hosts.wait_until_heard("plane-1", "plane-0")


def write(path: Path, *keys: str) -> None:
    """Replaces the file as a whole, as a secret of Kubernetes is replaced."""
    new = path.with_suffix(".new")
    new.touch(mode=0o600)
    new.write_text("".join(f"{key}\n" for key in keys))
    new.replace(path)


def test_data_planes_without_a_key_file_have_the_key_of_their_control_plane(bench: Workbench, hosts: Hosts) -> None:
    planes = start(hosts)
    hear_one_another(hosts)
    # Another key on one host: what it seals is refused, and it refuses.
    write(hosts.keys[1], OTHER_KEY)
    wait_for("the other key to be used", lambda: hosts.peers("plane-0") == {} and hosts.peers("plane-1") == {})
    write(hosts.keys[1], KEY)
    hear_one_another(hosts)
    # What was told stays when the control plane is gone, and when its successor cannot read the file.
    for key, control in zip(hosts.keys, hosts.controls, strict=True):
        key.chmod(0o644)
        os.kill(control.pid, signal.SIGKILL)
        control.wait(limit(10))
        bench.control_plane(
            "--peers-key-file", key, runtime_folder=control.runtime_folder, database=control.database,
            admin_port=control.admin_port,
        )
    hosts.wait_ready(*planes)
    hear_one_another(hosts)


def test_keys_are_changed_host_by_host_without_losing_a_datagram(hosts: Hosts) -> None:
    start(hosts)
    hear_one_another(hosts)
    refused = [hosts.entry(f"plane-{index}")["refused_datagrams"] for index in range(2)]
    for step in ((KEY, OTHER_KEY), (OTHER_KEY, KEY), (OTHER_KEY,)):
        for index, file in enumerate(hosts.keys):
            name = f"plane-{index}"
            told = hosts.controls[index].log().count("Data planes are told the keys")
            write(file, *step)
            wait_for(
                "the data plane to be told",
                lambda index=index, told=told: hosts.controls[index].log().count("Data planes are told the keys") > told,
            )
            hosts.wait_until_heard(name, f"plane-{1 - index}")
            # Its own thread looks once a second.
            time.sleep(1.2)
            hear_one_another(hosts)
    assert [hosts.entry(f"plane-{index}")["refused_datagrams"] for index in range(2)] == refused


def test_what_the_control_plane_tells_counts_more_than_the_own_file(bench: Workbench, hosts: Hosts) -> None:
    ports = [free_port(), free_port()]
    own = key_file(bench, "own", THIRD_KEY)
    planes = [
        hosts.data_plane("plane-0", own, ports[0], *ports, control=0),
        hosts.data_plane("plane-1", None, ports[1], *ports, control=1),
    ]
    hosts.wait_ready(*planes)
    hear_one_another(hosts)


def test_only_who_asks_is_told(bench: Workbench, hosts: Hosts) -> None:
    with SnapshotClient(hosts.controls[0].control_socket, "asks", {"secrets": ["peer_keys"]}) as asking:
        assert asking.message("secrets") == {"type": "secrets", "peer_keys": [KEY]}
        write(hosts.keys[0], OTHER_KEY, KEY)
        assert asking.message("secrets") == {"type": "secrets", "peer_keys": [OTHER_KEY, KEY]}
    with SnapshotClient(hosts.controls[0].control_socket, "asks-not") as silent:
        lines = [silent.line()]
        while sum(b'"heartbeat"' in line for line in lines) < 2:
            lines.append(silent.line())
        assert not any(b"secrets" in line or KEY.encode() in line for line in lines)
    # One that has no keys says so: what an earlier one told counts no more.
    control = bench.control_plane()
    with SnapshotClient(control.control_socket, "asks", {"secrets": ["peer_keys"]}) as asking:
        assert asking.message("secrets") == {"type": "secrets", "peer_keys": []}


def test_a_key_is_in_no_log_file_or_answer(bench: Workbench) -> None:
    key = key_file(bench, "key", KEY)
    port = free_port()
    launch = bench.launch(
        "--peers-listen", f"127.0.0.1:{port}", "--peers-key-file", key, "--peers", f"127.0.0.1:{port + 1}",
        "--log-level", "debug", data_planes=2,
    )
    wait_for(
        "the data planes to be told", lambda: launch.log().count("Data planes are told the keys for other hosts.") == 1
    )
    write(key, OTHER_KEY, KEY)
    wait_for("both to have the keys", lambda: launch.log().count("The keys of data planes on several hosts") >= 2)
    write(key, "short", "key with spaces " + THIRD_KEY)
    wait_for("the file to be refused", lambda: "cannot be used" in launch.log())
    texts = [launch.log()]
    for path in ("/data_planes", "/list_workers", "/workers", "/policies", "/settings", "/audit", "/snapshots", "/openapi.json"):
        texts.append(launch.admin.get(path).text)
    texts.append(launch.admin.get("/snapshots/current").text)
    launch.signal(signal.SIGTERM)
    launch.wait(limit(20))
    texts.append(launch.log())
    shown = [text for text in texts if any(secret in text for secret in (KEY, OTHER_KEY, THIRD_KEY))]
    assert not shown, shown
    files = [path for path in bench.folder.rglob("*") if path.is_file() and path != key]
    assert any(path.name.endswith(".snapshot-cache") or "snapshot-cache" in str(path) for path in files), files
    for path in files:
        content = path.read_bytes()
        assert not any(secret.encode() in content for secret in (KEY, OTHER_KEY, THIRD_KEY)), path


@pytest.mark.parametrize("mode", [0o440, 0o640])
def test_a_group_may_read_the_file_and_that_is_said(bench: Workbench, mode: int) -> None:
    key = key_file(bench, "key", KEY, mode=mode)
    control = bench.control_plane("--peers-key-file", key)
    with SnapshotClient(control.control_socket, "asks", {"secrets": ["peer_keys"]}) as asking:
        assert asking.message("secrets")["peer_keys"] == [KEY]
    wait_for("a warning", lambda: "The group of the file" in control.log())


def test_a_file_that_cannot_be_used_keeps_no_control_plane_from_starting(bench: Workbench) -> None:
    key = key_file(bench, "key", KEY, mode=0o644)
    control = bench.control_plane("--peers-key-file", key)
    wait_for("that to be said", lambda: "cannot be used" in control.log())
    with SnapshotClient(control.control_socket, "asks", {"secrets": ["peer_keys"]}) as asking:
        key.chmod(0o600)
        assert asking.message("secrets")["peer_keys"] == [KEY]
