"""What fleets go through: scaling, rolling updates, pods that never answer, an API server that is away or out of its mind."""

import socket
import subprocess
import threading
import time

import pytest

from support.fleet import ControlPlane, DataPlane, Workbench
from support.kubernetes_api import KubernetesAPI
from support.limits import FACTOR, limit
from support.load import LoadGenerator
from support.measurements import percentile, record
from support.processes import resident_bytes
from support.raw_http import ask
from support.waiting import wait_for

FLAGS = ("--service-discovery", "--selector", "app=sglang")
REQUEST = b"POST /generate HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nContent-Length: 12\r\n\r\n{\"text\":\"x\"}"


def start(bench: Workbench, api: KubernetesAPI, *flags: object, **options: object) -> tuple[ControlPlane, DataPlane]:
    plane = bench.control_plane(*FLAGS, "--kubeconfig", api.kubeconfig(bench.folder / "kubeconfig"), *flags, **options)
    return plane, bench.data_plane(plane.control_socket)


def workers(plane: ControlPlane) -> dict[str, dict]:
    return {worker["url"]: worker for worker in plane.admin.workers()}


def ready(plane: ControlPlane) -> int:
    return sum(worker["state"] == "ready" for worker in plane.admin.workers())


def watch(plane: ControlPlane) -> dict:
    return plane.admin.get("/discovery").json()["watches"][0]


def test_scaling_from_0_to_200_to_0_fails_no_request(bench: Workbench, api: KubernetesAPI) -> None:
    """Eight workers behind two hundred addresses of one host."""
    ports = [bench.worker("--speedup", 0, host="0.0.0.0").port for _ in range(8)]
    plane, proxy = start(bench, api)

    def apply(number: int, **options: object) -> None:
        api.apply(f"pod-{number}", address=f"127.0.0.{number // 8 + 2}", port=ports[number % 8], **options)

    apply(0)
    bench.wait_ready(proxy)
    with LoadGenerator(proxy.port, 16, REQUEST) as load:
        for number in range(1, 200):
            apply(number)
        wait_for("200 workers", lambda: ready(plane) == 200, limit(30))
        before = load.result.completed
        wait_for("requests at 200 workers", lambda: load.result.completed > before + 2_000, limit(20))
        for number in range(199, 0, -1):
            apply(number, terminating=True)
        wait_for("one worker", lambda: len(workers(plane)) == 1, limit(30))
        for number in range(199, 0, -1):
            api.delete(f"pod-{number}")
    assert load.result.completed > 5_000 and load.result.failures == [], load.result.failures[:3]
    api.delete("pod-0")
    wait_for("no worker", lambda: not workers(plane), limit(10))
    assert ask(proxy.port, "POST", "/generate", b"{}").status == 503


def test_a_rolling_update_of_all_pods_fails_no_request(bench: Workbench, api: KubernetesAPI) -> None:
    old = [bench.worker("--speedup", 0) for _ in range(4)]
    for number, worker in enumerate(old):
        api.apply(f"pod-{number}", uid=f"old-{number}", port=worker.port)
    plane, proxy = start(bench, api)
    wait_for("four workers", lambda: ready(plane) == 4, limit(10))
    with LoadGenerator(proxy.port, 16, REQUEST) as load:
        for number, worker in enumerate(old):
            successor = bench.worker("--speedup", 0)
            # As a stateful set does: one goes, its successor of the same name comes.
            api.apply(f"pod-{number}", port=worker.port, terminating=True)
            wait_for("the old one to be gone", lambda: worker.url not in workers(plane), limit(10))
            api.delete(f"pod-{number}")
            worker.signal(15)
            api.apply(f"pod-{number}", uid=f"new-{number}", port=successor.port, ready=False)
            api.apply(f"pod-{number}", port=successor.port)
            wait_for("the new one", lambda: workers(plane).get(successor.url, {}).get("state") == "ready", limit(10))
        before = load.result.completed
        wait_for("requests at the new ones", lambda: load.result.completed > before + 500, limit(10))
    assert load.result.failures == [], load.result.failures[:3]
    assert len(workers(plane)) == 4


def test_a_pod_that_never_answers_delays_no_other(bench: Workbench, api: KubernetesAPI) -> None:
    dead = socket.create_server(("127.0.0.1", 0))
    plane, _ = start(bench, api)
    wait_for("the watch", lambda: api.watches == 1)
    api.apply("dead", port=dead.getsockname()[1])
    took = []
    for number in range(10):
        worker = bench.recording_worker()
        begun = time.monotonic()
        api.apply(f"pod-{number}", port=worker.port)
        wait_for("the worker", lambda: workers(plane).get(worker.url, {}).get("state") == "ready")
        took.append(time.monotonic() - begun)
    assert max(took) < limit(1)
    assert workers(plane)[f"http://127.0.0.1:{dead.getsockname()[1]}"]["state"] == "pending"
    dead.close()


def test_times_of_readiness_and_termination(bench: Workbench, api: KubernetesAPI) -> None:
    """Twenty pods become ready and terminate while another one serves."""
    stays = bench.recording_worker()
    api.apply("stays", port=stays.port)
    plane, proxy = start(bench, api)
    bench.wait_ready(proxy)
    to_first, to_last = [], []
    for number in range(20):
        worker = bench.recording_worker()
        begun = time.monotonic()
        api.apply(f"pod-{number}", port=worker.port)
        while not worker.routed("/generate"):
            assert time.monotonic() - begun < limit(10), "the ready pod gets no requests"
            assert ask(proxy.port, "POST", "/generate", b"{}").status == 200
        to_first.append(time.monotonic() - begun)
        begun = last = time.monotonic()
        api.apply(f"pod-{number}", port=worker.port, terminating=True)
        while time.monotonic() - begun < 0.3:
            before = len(worker.routed("/generate"))
            assert ask(proxy.port, "POST", "/generate", b"{}").status == 200
            if len(worker.routed("/generate")) > before:
                last = time.monotonic()
        to_last.append(last - begun)
    name = "discovery/test_scenarios.py"
    for what, values, most in (("ready to first routed request", to_first, 200), ("terminating to last pick", to_last, 100)):
        for percent in (50, 100):
            record("Service discovery", f"{what}, p{percent}", percentile(values, percent) * 1000, "ms", str(most), name)
        assert percentile(values, 90) * 1000 < most * FACTOR, (what, values)


def test_five_thousand_pods(bench: Workbench, api: KubernetesAPI) -> None:
    """Listed in pages while sixty kilobytes of foreign annotations come with each hundredth."""
    for number in range(5_000):
        api.apply(f"pod-{number}", address=f"127.{number // 60_000 + 1}.{number // 250}.{number % 250 + 1}", port=9,
                  annotations={"big": "x" * 60_000} if number % 100 == 0 else None)
    config = api.kubeconfig(bench.folder / "kubeconfig")
    plane = bench.control_plane(*FLAGS, "--kubeconfig", config)
    begun = time.monotonic()
    wait_for("the list", lambda: watch(plane)["last_list"], limit(10), pause=0.02)
    listed = time.monotonic() - begun
    resident = resident_bytes(plane.pid)
    # What keeps requests away does not wait until all are registered.
    api.apply("pod-4999", address="127.1.19.250", port=9, terminating=True)
    begun = time.monotonic()
    wait_for("it to be no worker", lambda: next(
        pod for pod in plane.admin.get("/discovery").json()["pods"] if pod["name"] == "pod-4999")["state"] == "excluded",
        limit(10))
    gone = time.monotonic() - begun
    name = "discovery/test_scenarios.py"
    record("Service discovery", "5,000 pods listed", listed, "s", "2", name)
    record("Service discovery", "memory then", resident / 2**20, "MiB", "200", name)
    record("Service discovery", "one of them terminates meanwhile, seen after", gone, "s", "-", name)
    assert listed < 2 * FACTOR and resident < 200 * 2**20 and gone < limit(2)


def test_a_long_absence_of_the_api_server(bench: Workbench, api: KubernetesAPI) -> None:
    worker = bench.recording_worker()
    api.apply("a", port=worker.port)
    plane, proxy = start(bench, api)
    bench.wait_ready(proxy)
    incarnation = workers(plane)[worker.url]["incarnation"]
    api.stop()
    wait_for("several tries", lambda: watch(plane)["errors"] >= 4, limit(20))
    assert "connection refused" in watch(plane)["failure"]
    assert [ask(proxy.port, "POST", "/generate", b"{}").status for _ in range(10)] == [200] * 10
    assert workers(plane)[worker.url]["incarnation"] == incarnation
    # One line for each reason, however often it is tried.
    assert 1 <= plane.log().count("Kubernetes cannot be watched") <= 3


@pytest.mark.parametrize("garbage", [b"no JSON\n", b'{"type":"ADDED","object":{"metadata":{"na', b"\x00\xff\n", b"[]\n"])
def test_a_watch_that_breaks_loses_nothing(bench: Workbench, api: KubernetesAPI, garbage: bytes) -> None:
    first, second, third = (bench.recording_worker() for _ in range(3))
    plane, _ = start(bench, api)
    wait_for("the watch", lambda: api.watches == 1)
    api.garbage = garbage
    api.apply("first", port=first.port)
    api.apply("second", port=second.port)
    if garbage.startswith(b"{"):
        # Half a line, and then the connection breaks.
        wait_for("the half line", lambda: api.garbage is None)
        api.drop_watches()
    api.apply("third", port=third.port)
    wait_for("all of them", lambda: {first.url, second.url, third.url} <= set(workers(plane)), limit(10))


def test_an_event_that_comes_byte_by_byte(bench: Workbench, api: KubernetesAPI) -> None:
    worker = bench.recording_worker()
    plane, _ = start(bench, api)
    wait_for("the watch", lambda: api.watches == 1)
    api.trickle_seconds = 0.01
    api.apply("slow", port=worker.port)
    wait_for("the worker", lambda: worker.url in workers(plane), limit(10))


def test_a_server_that_refuses_watches_is_not_asked_in_a_loop(bench: Workbench, api: KubernetesAPI) -> None:
    worker = bench.recording_worker()
    api.apply("a", port=worker.port)
    api.refused_watches = 410
    plane, _ = start(bench, api)
    wait_for("the worker", lambda: worker.url in workers(plane))
    wait_for("the failure to show", lambda: watch(plane)["failure"], limit(10))
    lists, begun = api.lists(), time.monotonic()
    wait_for("two more lists", lambda: api.lists() >= lists + 2, limit(30))
    assert time.monotonic() - begun > 0.5
    api.refused_watches = None
    wait_for("the watch to work", lambda: api.watches >= 1, limit(40))
    api.apply("a", port=worker.port, ready=False)
    wait_for("no failure", lambda: watch(plane)["failure"] is None)


def test_a_database_that_is_locked_does_not_keep_dead_pods(bench: Workbench, api: KubernetesAPI) -> None:
    first, second, third = (bench.recording_worker() for _ in range(3))
    for name, worker in (("first", first), ("second", second), ("third", third)):
        api.apply(name, port=worker.port)
    plane, proxy = start(bench, api)
    wait_for("three workers", lambda: ready(plane) == 3)
    plane.admin.wait_until_applied(1)
    locked = threading.Event()
    holder = subprocess.Popen(["python3", "-c", f"""
import sqlite3, sys
connection = sqlite3.connect({str(plane.database)!r}, isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.read()
"""], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout.readline() == "locked\n"
        locked.set()
        api.apply("first", port=first.port, terminating=True)
        api.apply("second", port=second.port, ready=False)

        def only_third() -> bool:
            counts = len(first.routed("/generate")), len(second.routed("/generate"))
            assert [ask(proxy.port, "POST", "/generate", b"{}").status for _ in range(6)] == [200] * 6
            return counts == (len(first.routed("/generate")), len(second.routed("/generate")))

        wait_for("both to get nothing", only_third, limit(3))
    finally:
        holder.communicate("")
    wait_for("the removal", lambda: first.url not in workers(plane), limit(20))
    assert workers(plane)[second.url]["state"] == "unhealthy"


def test_a_worker_that_a_person_removes_stays_away(bench: Workbench, api: KubernetesAPI) -> None:
    worker = bench.recording_worker()
    api.apply("a", port=worker.port)
    plane, _ = start(bench, api, "--service-discovery-flap-secs", 0)
    wait_for("the worker", lambda: ready(plane) == 1)
    plane.admin.delete(f"/workers/{workers(plane)[worker.url]['id']}")
    pods = wait_for("discovery to know", lambda: (
        pods if (pods := plane.admin.get("/discovery").json()["pods"])[0]["state"] == "excluded" else None))
    assert "by hand" in pods[0]["reason"] and pods[0]["worker_id"] is None
    wait_for("it to be gone", lambda: worker.url not in workers(plane))
    api.apply("a", port=worker.port, ready=False)
    api.apply("a", port=worker.port)
    marker = bench.recording_worker()
    api.apply("marker", port=marker.port)
    wait_for("the marker", lambda: marker.url in workers(plane))
    assert worker.url not in workers(plane)
    api.apply("a", uid="another", port=worker.port)
    wait_for("its successor", lambda: worker.url in workers(plane))
