"""What discovery knows after a restart, and what it does when more happens than it can look at."""

import signal
import sqlite3

from support.fleet import ControlPlane, Workbench
from support.kubernetes_api import KubernetesAPI
from support.limits import limit
from support.ports import free_port
from support.raw_http import ask
from support.waiting import wait_for

FLAGS = ("--service-discovery", "--selector", "app=sglang", "--kubeconfig")


def workers(plane: ControlPlane) -> dict[str, dict]:
    return {worker["url"]: worker for worker in plane.admin.workers()}


def watch(plane: ControlPlane) -> dict:
    return plane.admin.get("/discovery").json()["watches"][0]


def restart(bench: Workbench, plane: ControlPlane, *flags: object) -> ControlPlane:
    plane.signal(signal.SIGKILL)
    plane.child.wait(10)
    return bench.control_plane(*flags, runtime_folder=plane.runtime_folder, database=plane.database)


def test_a_pod_that_is_not_ready_gets_nothing_from_the_next_control_plane(bench: Workbench, api: KubernetesAPI) -> None:
    """Killed while two of three pods are held, and started again while the API server is away."""
    stays, returns, fails = (bench.recording_worker() for _ in range(3))
    for name, worker in (("stays", stays), ("returns", returns), ("fails", fails)):
        api.apply(name, port=worker.port)
    flags = (*FLAGS, api.kubeconfig(bench.folder / "config"), "--service-discovery-flap-secs", 60)
    plane = bench.control_plane(*flags)
    proxy = bench.data_plane(plane.control_socket)
    wait_for("three workers", lambda: [worker["state"] for worker in plane.admin.workers()] == ["ready"] * 3)
    before = workers(plane)
    api.apply("returns", port=returns.port, ready=False)
    api.apply("fails", port=fails.port, ready=False)

    def stored() -> int:
        with sqlite3.connect(plane.database) as database:
            return database.execute("SELECT count(held_since) FROM worker").fetchone()[0]

    wait_for("the holds to be stored", lambda: stored() == 2)
    sequence = plane.rows("SELECT sequence FROM meta")
    api.answer_status = 503
    plane = restart(bench, plane, *flags)
    # Nothing of it is a change of what operators want.
    assert plane.rows("SELECT sequence FROM meta") == sequence
    held = workers(plane)[returns.url]
    assert held["state"] == "unhealthy" and "Ready is not True" in held["reason"]
    plane.admin.wait_until_applied(1)
    wait_for("the failure to show", lambda: watch(plane)["failure"])
    counts = len(returns.routed("/generate")), len(fails.routed("/generate"))
    assert [ask(proxy.port, "POST", "/generate", b"{}").status for _ in range(12)] == [200] * 12
    assert (len(returns.routed("/generate")), len(fails.routed("/generate"))) == counts
    # What happened meanwhile decides.
    api.apply("returns", port=returns.port)
    api.apply("fails", port=fails.port, terminating=True)
    api.answer_status = None
    again = wait_for("the ready one", lambda: (
        found if (found := workers(plane)[returns.url])["state"] == "ready" else None), limit(40))
    assert again["incarnation"] == before[returns.url]["incarnation"]
    wait_for("the other one to be gone", lambda: fails.url not in workers(plane), limit(10))
    wait_for("the release to be stored", lambda: stored() == 0)


def test_restarts_do_not_prolong_a_hold(bench: Workbench, api: KubernetesAPI) -> None:
    worker = bench.recording_worker()
    api.apply("a", port=worker.port)
    config = api.kubeconfig(bench.folder / "config")
    plane = bench.control_plane(*FLAGS, config, "--service-discovery-flap-secs", 60)
    wait_for("the worker", lambda: [found["state"] for found in plane.admin.workers()] == ["ready"])
    api.apply("a", port=worker.port, ready=False)

    def since() -> int | None:
        with sqlite3.connect(plane.database) as database:
            return database.execute("SELECT held_since FROM worker").fetchone()[0]

    first = wait_for("the hold to be stored", since)
    lists = api.lists()
    plane = restart(bench, plane, *FLAGS, config, "--service-discovery-flap-secs", 60)
    wait_for("a list", lambda: api.lists() > lists and watch(plane)["last_list"])
    assert since() == first
    # As if the minute were over.
    plane.signal(signal.SIGKILL)
    plane.child.wait(10)
    with sqlite3.connect(plane.database) as database:
        database.execute("UPDATE worker SET held_since = held_since - 60000")
    plane = bench.control_plane(*FLAGS, config, "--service-discovery-flap-secs", 60, runtime_folder=plane.runtime_folder,
                                database=plane.database)
    wait_for("the worker to be gone", lambda: worker.url not in workers(plane))


def test_a_burst_that_nobody_can_look_at_is_bounded(bench: Workbench, api: KubernetesAPI) -> None:
    """The database is locked while 40 MiB of events come: they are not kept, and nothing is lost."""
    metrics = free_port()
    plane = bench.control_plane(*FLAGS, api.kubeconfig(bench.folder / "config"), "--prometheus-port", metrics)
    wait_for("the watch", lambda: api.watches == 1)

    def waiting() -> int:
        page = ask(metrics, "GET", "/metrics").body.decode()
        [line] = [line for line in page.splitlines() if line.startswith("signalbox_discovery_waiting_bytes")]
        return int(line.split(" ")[1])

    labels = {"app": "sglang"} | {f"label-{number}": "x" * 60 for number in range(1_000)}
    holder = sqlite3.connect(plane.database, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    most = 0
    try:
        lists = api.lists()
        for number in range(400):
            api.apply(f"pod-{number}", address=f"127.1.{number // 250}.{number % 250 + 1}", port=9, labels=labels)
            if number % 20 == 0:
                most = max(most, waiting())
        wait_for("the pods to be listed again", lambda: api.lists() > lists, limit(20))
        most = max(most, waiting())
    finally:
        holder.execute("ROLLBACK")
    assert 2**20 < most <= 16 * 2**20
    wait_for("every pod to be a worker", lambda: len(workers(plane)) == 400, limit(60))
    wait_for("nothing to wait", lambda: waiting() == 0)
