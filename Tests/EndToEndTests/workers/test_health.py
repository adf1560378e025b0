"""How probes are made, and what is made of them."""

import json
import os
import signal
import time

from support.fleet import Workbench
from support.limits import limit
from support.processes import freeze
from support.raw_http import ask
from support.recording_worker import RecordedRequest, WorkerConnection, response_bytes
from support.snapshots import SnapshotClient
from support.waiting import wait_for

QUICK = ("--health-check-interval-secs", 1, "--health-check-timeout-secs", 1, "--health-failure-threshold", 2)


def test_a_fleet_that_falls_silent_at_once_stays_routed_and_the_observer_is_suspected(bench: Workbench) -> None:
    workers = [bench.worker() for _ in range(4)]
    plane = bench.control_plane(*QUICK)
    proxy = bench.data_plane(plane.control_socket)
    for worker in workers:
        assert plane.admin.add_worker(worker.url).status_code == 200
    bench.wait_ready(proxy)
    for worker in workers[:3]:
        freeze(worker.pid)
    wait_for("the observer to be suspected", lambda: plane.admin.get("/readiness").json()["observer_suspected"], limit(15))
    seen = plane.admin.worker(workers[0].url)
    assert seen["state"] == "unhealthy" and "observer" in seen["reason"]
    assert "observer" in plane.log()
    for worker in workers[:3]:
        os.kill(worker.pid, signal.SIGCONT)

    def all_are_used() -> bool:
        assert ask(proxy.port, "POST", "/generate", b'{"text":"x"}').status == 200
        return all(worker.stats()["completed"] > 0 for worker in workers)

    wait_for("every worker to be used", all_are_used)
    wait_for("the suspicion to end", lambda: not plane.admin.get("/readiness").json()["observer_suspected"], limit(10))


def test_a_worker_has_a_probe_of_its_own_and_gets_another_one_at_run_time(bench: Workbench) -> None:
    statuses = {"/ping": "200 OK", "/health": "404 Not Found"}

    def respond(connection: WorkerConnection, request: RecordedRequest) -> None:
        connection.send(response_bytes("{}", status=statuses.get(request.path, "200 OK")))

    worker = bench.recording_worker(respond, answers_health=False)
    plane = bench.control_plane(*QUICK)
    body = {"url": worker.url, "health_check_endpoint": "/ping"}
    assert plane.admin.post("/workers", json=body).status_code == 202
    wait_for("the worker to be ready", lambda: plane.admin.worker(worker.url)["state"] == "ready")
    assert plane.admin.worker(worker.url)["health_check_endpoint"] == "/ping"
    refused = plane.admin.put(f"/workers/{plane.admin.worker(worker.url)['id']}", json={"health_check_endpoint": "ping"})
    assert refused.status_code == 422 and "must begin with '/'" in refused.text
    changed = plane.admin.put(f"/workers/{plane.admin.worker(worker.url)['id']}", json={"health_check_endpoint": "/health"})
    assert changed.status_code == 202
    unhealthy = wait_for("the worker to be unhealthy",
                         lambda: (now := plane.admin.worker(worker.url))["state"] == "unhealthy" and now, limit(10))
    assert unhealthy["reason"] == "GET /health answered 404." and unhealthy["last_probe"] < unhealthy["next_probe"]


def test_what_a_worker_can_take_is_asked_for_and_published(bench: Workbench) -> None:
    told, silent = bench.worker("--max-running-requests", 7, "--cache-tokens", 64_000), bench.worker("--hide-max-running-requests")
    plane, _ = bench.wired(told.url, silent.url)
    assert plane.admin.worker(told.url)["running_requests_max"] == 7
    assert plane.admin.worker(silent.url)["running_requests_max"] is None
    assert plane.admin.worker(told.url)["cache_tokens"] == 64_000
    with SnapshotClient(plane.control_socket) as client:
        _, document = client.snapshot_at(plane.admin.version()[1])
    published = {worker["url"]: worker["cache_tokens"] for worker in json.loads(document)["workers"]}
    assert published[told.url] == 64_000


def test_an_open_breaker_is_shown_with_its_reason(bench: Workbench) -> None:
    good, bad = bench.worker(), bench.worker("--fault", "path=/generate,status=503")
    plane, proxy = bench.wired(good.url, bad.url)

    def is_open() -> dict | None:
        assert ask(proxy.port, "POST", "/generate", b'{"text":"x"}').status == 200
        reports = list(plane.admin.worker(bad.url)["breakers"].values())
        return reports[0] if reports and reports[0]["state"] == "open" else None

    report = wait_for("the breaker to be shown as open", is_open)
    assert report["failures"] >= 10 and report["reason"] == "It answered 503."
    assert plane.admin.worker(good.url)["breakers"] == {}


def test_a_dead_worker_stays_unhealthy_when_its_health_settings_change(bench: Workbench) -> None:
    good, bad = bench.worker(), bench.worker()
    plane = bench.control_plane("--policy", "round_robin", *QUICK)
    proxy = bench.data_plane(plane.control_socket)
    for worker in (good, bad):
        assert plane.admin.add_worker(worker.url).status_code == 200
    plane.admin.wait_until_applied(1)
    bench.wait_ready(proxy)
    freeze(bad.pid)
    wait_for("it to be found", lambda: plane.admin.worker(bad.url)["state"] == "unhealthy", limit(40))
    before = plane.admin.worker(bad.url)
    answer = plane.admin.put(f"/workers/{before['id']}", json={"health_check_interval_secs": 20})
    assert answer.status_code == 202
    plane.admin.wait_until_applied(1)
    after = plane.admin.worker(bad.url)
    assert (after["state"], after["reason"], after["since"]) == ("unhealthy", before["reason"], before["since"])
    assert [ask(proxy.port, "POST", "/generate", b'{"text":"x"}').status for _ in range(8)] == [200] * 8


def test_when_all_workers_of_a_model_die_requests_are_held_for_a_while_then_refused_and_served_again(bench: Workbench) -> None:
    workers = [bench.worker() for _ in range(2)]
    plane = bench.control_plane(*QUICK, "--timeout-hold-secs", 2)
    proxy = bench.data_plane(plane.control_socket)
    for worker in workers:
        assert plane.admin.add_worker(worker.url).status_code == 200
    bench.wait_ready(proxy)
    for worker in workers:
        worker.kill()
    wait_for("both to be unhealthy", lambda: {worker["state"] for worker in plane.admin.workers()} == {"unhealthy"}, limit(15))
    plane.admin.wait_until_applied(1)
    wait_for("the data plane to know", lambda: ask(proxy.port, "GET", "/readiness").status == 503)
    began = time.monotonic()
    answer = ask(proxy.port, "POST", "/generate", b'{"text":"x"}')
    assert answer.status == 503 and answer.header("retry-after") == "1", answer
    assert 2 <= time.monotonic() - began < 2 + limit(3), "it is held for a while, and no longer"
    bench.worker(port=workers[0].port)
    wait_for("one to be back", lambda: ask(proxy.port, "POST", "/generate", b'{"text":"x"}').status == 200, limit(15))
