"""Data planes that share no folder, as on two hosts, act as one over UDP, and believe nobody without the key."""

import os
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.datagram_relay import DatagramRelay
from support.fleet import ControlPlane, DataPlane, Launch, Workbench
from support.limits import limit
from support.ports import free_port, own_address
from support.processes import freeze
from support.raw_http import RawConnection
from support.recording_worker import RecordedRequest, WorkerConnection, response_bytes
from support.waiting import wait_for

KEY, OTHER_KEY = "k" * 40, "o" * 40


def key_file(bench: Workbench, name: str, *keys: str, mode: int = 0o600) -> Path:
    path = bench.folder / name
    path.write_text("".join(f"{key}\n" for key in keys))
    path.chmod(mode)
    return path


class Hosts:
    """Control planes, workers that answer when they may, and data planes, each as if on a host of its own."""

    def __init__(self, bench: Workbench, control_planes: int = 1, address: str = "127.0.0.1",
                 keys: tuple[Path, ...] = ()) -> None:
        """`keys` are the key files of the control planes."""
        self.bench = bench
        self.release = threading.Event()
        self.begun: Counter = Counter()
        self.clients: list[RawConnection] = []
        self.address = address
        self.controls: list[ControlPlane] = [
            bench.control_plane(
                "--policy", "least_load", *(("--peers-key-file", keys[index]) if keys else ()), "--log-level", "debug",
            ) for index in range(control_planes)
        ]
        self.control = self.controls[0]
        self.add_worker()

    def add_worker(self) -> None:
        worker = self.bench.recording_worker(self.hold, host=self.address)
        for control in self.controls:
            assert control.admin.add_worker(worker.url).status_code == 200

    def hold(self, connection: WorkerConnection, request: RecordedRequest) -> None:
        self.begun[connection.worker.port] += 1
        self.release.wait(limit(60))
        connection.send(response_bytes("{}"))

    def data_plane(self, name: str, key: Path | None, listen: int, *peers: int, control: int = 0) -> DataPlane:
        """Without a key file it has the key that its control plane tells."""
        return self.bench.data_plane(
            self.controls[control].control_socket, "--peers-directory", "", "--peers-listen", f"127.0.0.1:{listen}",
            *(("--peers-key-file", key) if key else ()), *(("--peers", *(f"127.0.0.1:{port}" for port in peers)) if peers else ()),
            name=name,
        )

    def wait_ready(self, *planes: DataPlane) -> None:
        for control in self.controls:
            control.admin.wait_until_applied(len(planes) // len(self.controls))
        for plane in planes:
            self.bench.wait_ready(plane)

    def begin(self, plane: DataPlane, count: int = 1) -> None:
        """Begins requests, one after the other, which stay at their workers."""
        for _ in range(count):
            client = RawConnection(plane.port)
            self.clients.append(client)
            before = self.begun.total()
            client.send("POST /generate HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\n\r\n{}")
            wait_for("the request to be at a worker", lambda before=before: self.begun.total() == before + 1)

    def load_first_worker_and_add_another(self, planes: list[DataPlane]) -> None:
        """The first data plane has four requests at the only worker; then there is a second one."""
        self.begin(planes[0], 4)
        self.add_worker()
        self.wait_ready(*planes)

    def entry(self, name: str) -> dict:
        entries = [entry for control in self.controls for entry in control.admin.data_planes()]
        return next(entry for entry in entries if entry["id"] == name)

    def peers(self, name: str) -> dict[str, dict]:
        return {peer["id"]: peer for peer in self.entry(name)["peers"] or []}

    def wait_until_heard(self, name: str, other: str) -> None:
        """Waits until `name` has heard `other` several times more: what was begun before is known."""
        def received() -> int:
            return self.peers(name).get(other, {"received": 0})["received"]

        # The first number may be that of a heartbeat long ago; one that differs is newer than this call.
        first = received()
        second = wait_for(f"{name} to hear {other}", lambda: (now := received()) != first and now)
        wait_for(f"{name} to hear {other} again", lambda: received() >= second + 3)

    def close(self) -> None:
        self.release.set()
        for client in self.clients:
            client.close()


@pytest.fixture
def hosts(bench: Workbench) -> Iterator[Hosts]:
    hosts = Hosts(bench)
    try:
        yield hosts
    finally:
        hosts.close()


def test_least_load_picks_by_the_sum_over_both_hosts(bench: Workbench, hosts: Hosts) -> None:
    key = key_file(bench, "key", KEY)
    ports = [free_port(), free_port()]
    # The same list on every host: the own address does no harm.
    planes = [hosts.data_plane(f"plane-{index}", key, ports[index], *ports) for index in range(2)]
    hosts.wait_ready(*planes)
    hosts.load_first_worker_and_add_another(planes)
    hosts.wait_until_heard("plane-1", "plane-0")
    hosts.begin(planes[1], 4)
    assert sorted(hosts.begun.values()) == [4, 4], "plane-1 picked by its own requests alone"
    hosts.wait_until_heard("plane-0", "plane-1")
    hosts.begin(planes[0], 2)
    assert sorted(hosts.begun.values()) == [5, 5], "plane-0 picked by its own requests alone"
    for name, other, port in (("plane-0", "plane-1", ports[1]), ("plane-1", "plane-0", ports[0])):
        entry = hosts.entry(name)
        assert [peer["id"] for peer in entry["peers"]] == [other]
        assert entry["peers"][0]["address"] == f"127.0.0.1:{port}"
        assert entry["refused_datagrams"] == 0
        assert all(policy["state"] == "ok" for policy in entry["policies"]), entry["policies"]


def test_a_worker_is_the_same_below_another_control_plane_when_its_url_is(bench: Workbench) -> None:
    address = own_address()
    if not address:
        pytest.skip("this machine has no address but the loopback one")
    hosts = Hosts(bench, control_planes=2, address=address)
    try:
        key = key_file(bench, "key", KEY)
        ports = [free_port(), free_port()]
        planes = [hosts.data_plane(f"plane-{index}", key, ports[index], *ports, control=index) for index in range(2)]
        hosts.wait_ready(*planes)
        hosts.load_first_worker_and_add_another(planes)
        hosts.wait_until_heard("plane-1", "plane-0")
        hosts.begin(planes[1], 4)
        assert sorted(hosts.begun.values()) == [4, 4], "plane-1 picked by its own requests alone"
    finally:
        hosts.close()


def test_with_a_wrong_key_nothing_is_taken_over_until_the_file_is_changed(bench: Workbench, hosts: Hosts) -> None:
    keys = [key_file(bench, "key", KEY), key_file(bench, "other-key", OTHER_KEY)]
    ports = [free_port(), free_port()]
    planes = [hosts.data_plane(f"plane-{index}", keys[index], ports[index], ports[1 - index]) for index in range(2)]
    hosts.wait_ready(*planes)
    for name in ("plane-0", "plane-1"):
        wait_for("datagrams to be refused", lambda name=name: hosts.entry(name)["refused_datagrams"] > 3)
        assert hosts.entry(name)["peers"] == []
        wait_for("that to be told", lambda name=name: hosts.entry(name)["policies"][0]["state"] == "degraded")
    hosts.load_first_worker_and_add_another(planes)
    hosts.begin(planes[1], 4)
    assert sorted(hosts.begun.values()) == [2, 6], "plane-1 knew of requests that it must not believe in"
    key_file(bench, "other-key", OTHER_KEY, KEY)
    hosts.wait_until_heard("plane-1", "plane-0")
    assert hosts.entry("plane-0")["peers"] == [], "plane-1 still seals with the other key"
    key_file(bench, "other-key", KEY, OTHER_KEY)
    hosts.wait_until_heard("plane-0", "plane-1")
    # What cannot be used as keys changes nothing.
    key_file(bench, "other-key", "short")
    hosts.wait_until_heard("plane-0", "plane-1")
    wait_for("a warning", lambda: "at least 32" in planes[1].log())
    hosts.wait_until_heard("plane-1", "plane-0")


def test_replayed_and_forged_datagrams_change_nothing(bench: Workbench, hosts: Hosts) -> None:
    key = key_file(bench, "key", KEY)
    ports = [free_port(), free_port()]
    with DatagramRelay(ports[1]) as relay:
        talker = hosts.data_plane("talker", key, ports[0], relay.port)
        listener = hosts.data_plane("listener", key, ports[1])
        hosts.wait_ready(talker, listener)
        hosts.wait_until_heard("listener", "talker")
        hosts.begin(talker, 3)
        hosts.wait_until_heard("listener", "talker")
        busy = list(relay.captured)[-3:]
        hosts.release.set()
        wait_for("the talker to be idle", lambda: hosts.entry("talker")["in_flight"] == 0)
        hosts.wait_until_heard("listener", "talker")
        # Cut off from now on: only the attacker speaks.
        relay.is_cut = True
        refused = hosts.entry("listener")["refused_datagrams"]
        received = hosts.peers("listener").get("talker", {"received": 0})["received"]
        withheld = len(relay.captured)
        for _ in range(20):
            for datagram in busy:
                relay.send(datagram)
                relay.send(datagram[:-1] + bytes([datagram[-1] ^ 1]))
        relay.send(b"")
        relay.send(os.urandom(1_400))
        wait_for("them to be refused", lambda: hosts.entry("listener")["refused_datagrams"] >= refused + 122)
        assert hosts.peers("listener").get("talker", {"received": received})["received"] <= received + 3
        wait_for("the silent one to be forgotten", lambda: hosts.peers("listener") == {})
        # Once more, when the listener has forgotten whom it had heard: its replay window has not.
        for datagram in busy:
            relay.send(datagram)
        wait_for("them to be refused", lambda: hosts.entry("listener")["refused_datagrams"] >= refused + 125)
        assert hosts.peers("listener") == {}
        # What never arrived is no replay; the connection goes on.
        assert len(relay.captured) > withheld
        relay.is_cut = False
        hosts.wait_until_heard("listener", "talker")


def test_the_sums_of_a_dead_host_are_dropped(bench: Workbench, hosts: Hosts) -> None:
    key = key_file(bench, "key", KEY)
    ports = [free_port(), free_port()]
    planes = [hosts.data_plane(f"plane-{index}", key, ports[index], ports[1 - index]) for index in range(2)]
    hosts.wait_ready(*planes)
    hosts.load_first_worker_and_add_another([planes[1], planes[0]])
    hosts.wait_until_heard("plane-0", "plane-1")
    hosts.begin(planes[0], 2)
    assert sorted(hosts.begun.values()) == [2, 4], "the idle worker gets the next requests"
    freeze(planes[1].pid)
    try:
        wait_for("the silent one to be forgotten", lambda: hosts.peers("plane-0") == {})
        # As far as anybody tells, one worker is idle and the other has the two requests from here.
        hosts.begin(planes[0], 2)
        assert sorted(hosts.begun.values()) == [2, 6], hosts.begun
    finally:
        os.kill(planes[1].pid, signal.SIGCONT)
    # It was only slow, and is heard again.
    hosts.wait_until_heard("plane-0", "plane-1")
    hosts.begin(planes[0], 2)
    assert sorted(hosts.begun.values()) == [4, 6], hosts.begun


def test_a_successor_on_the_same_port_is_heard_at_once(bench: Workbench, hosts: Hosts) -> None:
    key = key_file(bench, "key", KEY)
    ports = [free_port(), free_port()]
    hosts.wait_ready(
        hosts.data_plane("plane-0", key, ports[0], ports[1]),
        old := hosts.data_plane("old", key, ports[1], ports[0]),
    )
    hosts.wait_until_heard("old", "plane-0")
    successor = hosts.data_plane("successor", key, ports[1], ports[0])
    hosts.bench.wait_ready(successor)
    hosts.wait_until_heard("successor", "plane-0")
    hosts.wait_until_heard("plane-0", "old")
    os.kill(old.pid, signal.SIGTERM)
    wait_for("the old one to be gone", lambda: set(hosts.peers("plane-0")) == {"successor"})
    hosts.wait_until_heard("successor", "plane-0")


@pytest.mark.parametrize(("flags", "expected"), [
    (("--peers-listen", "127.0.0.1"), "must be HOST:PORT"),
    (("--peers-key-file", "{good}"), "--peers-key-file needs --peers-listen"),
    (("--peers", "gpu7:7000"), "--peers needs --peers-listen"),
    (("--peers-listen", "127.0.0.1:7000", "--peers-key-file", "{open}"), "mode 644"),
    (("--peers-listen", "127.0.0.1:7000", "--peers-key-file", "{short}"), "at least 32"),
    (("--peers-listen", "127.0.0.1:7000", "--peers-key-file", "/nonexistent"), "No such file"),
    (("--peers-listen", "192.0.2.1:7000", "--peers-key-file", "{good}"), "192.0.2.1:7000"),
])
def test_what_cannot_work_is_said_at_the_start(bench: Workbench, flags: tuple[str, ...], expected: str) -> None:
    files = {
        "open": key_file(bench, "open", KEY, mode=0o644), "short": key_file(bench, "short", "short"),
        "good": key_file(bench, "good", KEY),
    }
    plane = bench.data_plane(bench.folder / "no.sock", *(flag.format(**files) for flag in flags), wait=False)
    assert plane.wait(limit(10)) != 0
    assert expected in plane.log()


def test_launch_looks_at_the_key_file_before_it_starts_anything(bench: Workbench) -> None:
    files = [("private", key_file(bench, "open", KEY, mode=0o644)), ("at least 32", key_file(bench, "short", "short"))]
    for expected, key in files:
        launch = bench.launch("--peers-listen", f"127.0.0.1:{free_port()}", "--peers-key-file", key, wait=False)
        assert launch.wait(limit(10)) != 0
        assert expected in launch.log()


def test_launch_gives_each_data_plane_a_port_and_hands_peers_on(bench: Workbench) -> None:
    key = key_file(bench, "key", KEY)
    ports = {host: free_port() for host in ("one", "other")}
    fleets = [
        bench.launch(
            "--peers-listen", f"127.0.0.1:{ports[host]}", "--peers-key-file", key,
            "--peers", *(f"127.0.0.1:{port + index}" for port in ports.values() for index in range(2)), data_planes=2,
        ) for host in ports
    ]

    def is_whole(fleet: Launch, names: set[str]) -> bool:
        entries = fleet.admin.data_planes()
        return {entry["id"] for entry in entries} == names and all(
            sum("address" in peer for peer in entry["peers"]) == 2 and len(entry["peers"]) == 3
            and all(policy["state"] == "ok" for policy in entry["policies"]) for entry in entries
        )

    def wait_until_whole(fleet: Launch, *names: str) -> None:
        wait_for("each data plane to hear one of its host and two of the other", lambda: is_whole(fleet, set(names)))

    for fleet in fleets:
        wait_until_whole(fleet, "dp-0", "dp-1")
    # Successors take the ports over.
    fleets[0].signal(signal.SIGHUP)
    wait_until_whole(fleets[0], "dp-2", "dp-3")
    wait_until_whole(fleets[1], "dp-0", "dp-1")
