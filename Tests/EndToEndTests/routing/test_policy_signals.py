"""What policies pick by besides their own counts, and that they say when it is missing."""

import os
import re
import signal
from collections import Counter

import httpx

from support.fleet import ControlPlane, Workbench
from support.limits import limit
from support.ports import free_port
from support.raw_http import RawConnection
from support.recording_worker import RecordedRequest, RecordingWorker, Responder, WorkerConnection, response_bytes
from support.waiting import wait_for

BODY = b'{"model":"recorded","messages":[]}'


def telling(load: object) -> Responder:
    """Answers /get_load with the current content of `load`, and everything else with its port."""
    def respond(connection: WorkerConnection, request: RecordedRequest) -> None:
        if request.path == "/get_load":
            current = load["answer"]
            status = "404 Not Found" if current is None else "200 OK"
            connection.send(response_bytes(current or "", status=status))
        else:
            connection.send(response_bytes("{}", headers=(f"X-Worker: {connection.worker.port}",)))
    return respond


def picked(port: int, count: int) -> Counter:
    with RawConnection(port) as client:
        answers = [client.ask("POST", "/v1/chat/completions", BODY).header("x-worker") for _ in range(count)]
    return Counter(answers)


def states(plane: ControlPlane) -> list[dict]:
    return plane.admin.get("/policies").json()["states"]


def questions(worker: RecordingWorker) -> int:
    return len(worker.routed("/get_load"))


def test_power_of_two_follows_what_workers_tell_and_says_when_they_stop(bench: Workbench) -> None:
    loads = [{"answer": '[{"dp_rank":0,"num_tokens":30000},{"dp_rank":1,"num_tokens":10000}]'}, {"answer": '{"load":5}'}]
    workers = [bench.recording_worker(telling(load)) for load in loads]
    plane, proxy = bench.wired(*(worker.url for worker in workers))
    assert [questions(worker) for worker in workers] == [0, 0], "nobody picks by loads, so nobody asks for them"
    assert [worker["told_load"] for worker in plane.admin.workers()] == [None, None]

    plane.admin.put("/policies/default", json={"name": "power_of_two"})
    plane.admin.wait_until_applied(1)
    version = plane.admin.version()
    wait_for("the loads to be known", lambda: [entry["state"] for entry in states(plane)] == ["ok"], limit(10))
    assert picked(proxy.port, 30) == {str(workers[1].port): 30}
    told = {worker["url"]: worker["told_load"] for worker in plane.admin.workers()}
    assert [told[worker.url]["tokens"] for worker in workers] == [40000, 5]
    assert all(entry["is_fresh"] and entry["reason"] is None and entry["age_seconds"] < limit(3) for entry in told.values())

    loads[0]["answer"], loads[1]["answer"] = '{"load":0}', '{"load":90000}'
    wait_for("the new loads to be followed", lambda: picked(proxy.port, 10) == {str(workers[0].port): 10}, limit(10))
    assert plane.admin.version() == version, "what is observed touches no version"

    loads[1]["answer"] = None
    [lost] = wait_for(
        "the lost load to be told", lambda: [entry for entry in states(plane) if entry["state"] == "degraded"], limit(15)
    )
    assert lost["model"] is None and lost["policy"] == "power_of_two"
    assert lost["reason"].startswith("1 of 2 ready workers tell no load on /get_load: requests in flight")
    assert plane.admin.data_planes()[0]["policies"][0]["reason"] == lost["reason"]
    told = plane.admin.worker(workers[1].url)["told_load"]
    assert told["tokens"] == 90000 and not told["is_fresh"] and told["reason"] == "GET /get_load answered 404."
    # The requests in flight are compared: one after the other, both workers are always idle.
    assert min(picked(proxy.port, 100).get(str(worker.port), 0) for worker in workers) > 15

    plane.admin.put("/policies/default", json={"name": "round_robin"})
    wait_for("nobody to ask any more", lambda: plane.admin.workers()[0]["told_load"] is None, limit(10))
    [entry] = wait_for(
        "the new policy", lambda: [entry for entry in states(plane) if entry["policy"] == "round_robin"], limit(10)
    )
    assert entry["state"] == "ok"


def test_a_policy_says_that_another_data_plane_is_not_heard(bench: Workbench) -> None:
    metrics = free_port()
    plane = bench.control_plane("--policy", "least_load", "--prometheus-port", metrics)
    proxies = [bench.data_plane(plane.control_socket, name=f"plane-{number}") for number in range(2)]
    plane.admin.add_worker(bench.recording_worker(telling({"answer": None})).url)
    plane.admin.wait_until_applied(2)

    def of_first() -> dict:
        [state] = [entry for entry in states(plane) if entry["data_plane"] == "plane-0"]
        return state

    def gauge() -> list[str]:
        page = httpx.get(f"http://127.0.0.1:{metrics}/metrics").text
        return re.findall(r'^signalbox_data_plane_policies_degraded{data_plane="plane-0"} (\d)$', page, re.M)

    wait_for("both to hear one another", lambda: of_first()["state"] == "ok", limit(10))
    assert gauge() == ["0"]
    os.kill(proxies[1].pid, signal.SIGSTOP)
    try:
        wait_for("the silence to be told", lambda: of_first()["state"] == "degraded", limit(10))
        assert of_first()["reason"].startswith("1 other data planes are not heard")
        assert gauge() == ["1"]
    finally:
        os.kill(proxies[1].pid, signal.SIGCONT)
    wait_for("it to be heard again", lambda: of_first()["state"] == "ok", limit(10))
