"""What an answer says of the way that its request took: the worker, the snapshot, the reason of the pick."""

import json
import os
import re
import signal
import socket
import stat

import httpx

from support.contract import Contract
from support.fleet import PROJECT, ControlPlane, Workbench
from support.limits import limit
from support.raw_http import RawConnection, Response
from support.recording_worker import RecordedRequest, WorkerConnection, response_bytes
from support.waiting import wait_for

TEXT = "The signalman pulls the lever, and the train goes where it should. " * 40
FORGED = ("X-Signalbox-Worker: forged", "X-Signalbox-Explain: forged", "X-Signalbox-Snapshot: forged")


def answer(connection: WorkerConnection, request: RecordedRequest) -> None:
    connection.send(response_bytes("{}", headers=FORGED))


def ask(port: int, headers: dict[str, str] | None = None) -> Response:
    with RawConnection(port) as client:
        fields = {"Content-Type": "application/json"} | (headers or {})
        return client.ask("POST", "/generate", json.dumps({"text": TEXT}).encode(), fields)


def test_nothing_is_said_without_setting_and_question_and_workers_cannot_forge_it(bench: Workbench) -> None:
    worker = bench.recording_worker(answer)
    _, proxy = bench.wired(worker.url)
    for fields in ({}, {"X-Signalbox-Explain": "1"}):
        response = ask(proxy.port, fields)
        for name in ("x-signalbox-worker", "x-signalbox-explain", "x-signalbox-snapshot"):
            assert response.header(name) is None, name
    [_, second] = worker.routed("/generate")
    assert not any(name.lower().startswith("x-signalbox") for name, _ in second.headers)


def test_the_worker_is_named_by_its_id_when_the_setting_says_so(bench: Workbench) -> None:
    workers = [bench.recording_worker(answer) for _ in range(2)]
    plane, proxy = bench.wired(*(worker.url for worker in workers))
    assert plane.admin.patch("/settings", json={"worker_field": 1}).status_code == 200
    plane.admin.wait_until_applied(1)
    ids = {entry["id"] for entry in plane.admin.workers()}
    assert {ask(proxy.port).header("x-signalbox-worker") for _ in range(10)} <= ids


def test_a_request_may_ask_why_its_worker_was_picked(bench: Workbench) -> None:
    workers = [bench.recording_worker(answer) for _ in range(3)]
    plane, proxy = bench.wired(*(worker.url for worker in workers))
    assert plane.admin.patch("/settings", json={"explain": 1, "worker_field": 1}).status_code == 200
    plane.admin.wait_until_applied(1)
    ask(proxy.port)
    response = ask(proxy.port, {"X-Signalbox-Explain": "1"})
    told = json.loads(response.header("x-signalbox-explain"))
    epoch, sequence = plane.admin.version()
    assert told["policy"] == "kv_cost" and told["snapshot"] == f"{epoch}/{sequence}" and told["ready"] == 3
    [picked] = [candidate for candidate in told["candidates"] if candidate["picked"]]
    assert picked["id"] == response.header("x-signalbox-worker")
    # The first request went there, too: its text is in that worker's cache.
    assert picked["matched_tokens"] > 500
    others = [candidate for candidate in told["candidates"] if not candidate["picked"]]
    assert len(others) == 2
    assert all(other["matched_tokens"] == 0 and other["cost_seconds"] > picked["cost_seconds"] for other in others)
    assert ask(proxy.port).header("x-signalbox-explain") is None


def test_one_id_names_a_request_for_client_worker_and_audit(bench: Workbench) -> None:
    worker = bench.recording_worker(answer)
    launch = bench.launch("--request-id-headers", "x-trip", "x-request-id", workers=[worker.url])
    bench.wait_ready(launch)
    made = ask(launch.port).header("x-request-id")
    assert made.startswith("gnt-") and len(made) == 28
    assert ask(launch.port, {"X-Request-Id": "second", "X-Trip": "first"}).header("x-request-id") == "first"
    assert [request.header("x-request-id") for request in worker.routed("/generate")] == [made, "first"]
    added = httpx.post(f"http://127.0.0.1:{launch.port}/add_worker", params={"url": bench.worker().url},
                       headers={"X-Request-Id": "change-7"})
    assert added.status_code == 200 and added.headers.get_list("x-request-id") == ["change-7"]
    assert ("change-7",) in launch.rows("SELECT request_id FROM audit")
    assert launch.admin.patch("/settings", json={"request_id_fields": ""}).status_code == 200
    launch.admin.wait_until_applied(1)
    assert ask(launch.port).header("x-request-id") is None


def test_a_trace_goes_on_or_begins(bench: Workbench) -> None:
    worker = bench.recording_worker(answer)
    _, proxy = bench.wired(worker.url)
    mine = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
    ask(proxy.port, {"traceparent": mine, "tracestate": "a=1"})
    ask(proxy.port, {"traceparent": "nonsense", "tracestate": "a=1"})
    passed, begun = worker.routed("/generate")
    assert (passed.header("traceparent"), passed.header("tracestate")) == (mine, "a=1")
    assert begun.all("traceparent") == [begun.header("traceparent")] and begun.header("tracestate") is None
    assert re.fullmatch("00-[0-9a-f]{32}-[0-9a-f]{16}-01", begun.header("traceparent"))


def test_a_request_may_ask_how_old_the_snapshot_is(bench: Workbench) -> None:
    worker = bench.recording_worker(answer)
    plane, proxy = bench.wired(worker.url)
    epoch, sequence = plane.admin.version()
    question = {"X-Signalbox-Snapshot": "1"}
    fresh = f"{epoch}/{sequence}; source=control_plane; silent_seconds=0.0"
    assert ask(proxy.port, question).header("x-signalbox-snapshot") == fresh
    with RawConnection(proxy.port) as client:
        assert client.ask("GET", "/readiness", b"", question).header("x-signalbox-snapshot") == fresh
    os.kill(plane.pid, signal.SIGKILL)

    def silence() -> bool:
        value = ask(proxy.port, question).header("x-signalbox-snapshot")
        version, source, silent = value.split("; ")
        assert (version, source) == (f"{epoch}/{sequence}", "source=control_plane")
        return float(silent.removeprefix("silent_seconds=")) >= 1

    wait_for("the silence to be told", silence, limit(10))


def operator(plane: ControlPlane, name: str) -> httpx.Client:
    path = plane.runtime_folder / "data-planes" / f"{name}.sock"
    return httpx.Client(transport=httpx.HTTPTransport(uds=str(path)), base_url="http://data-plane", trust_env=False)


def test_operators_learn_why_the_workers_of_recent_requests_were_picked(bench: Workbench) -> None:
    def fail_first(connection: WorkerConnection, request: RecordedRequest) -> None:
        status = "503 Service Unavailable" if not failed else "200 OK"
        failed.append(request)
        connection.send(response_bytes("{}", status=status))

    failed: list[RecordedRequest] = []
    workers = [bench.recording_worker(fail_first) for _ in range(2)]
    plane, proxy = bench.wired(*(worker.url for worker in workers), flags=("--id", "dp"))
    with operator(plane, "dp") as client:
        assert client.get("/").json() == {"id": "dp", "serves": ["/explain/{request id}"], "explained_picks": 0}
        ask(proxy.port, {"X-Request-Id": "unasked"})
        assert client.get("/explain/unasked").status_code == 404
        failed.clear()
        plane.admin.patch("/settings", json={"explain": 1})
        plane.admin.wait_until_applied(1)
        assert ask(proxy.port, {"X-Request-Id": "trip-4711"}).status == 200
        told = client.get("/explain/trip-4711").json()
        assert told["request"] == "trip-4711" and len(told["picks"]) == 2
        first, second = ([c["id"] for c in pick["explanation"]["candidates"] if c["picked"]] for pick in told["picks"])
        assert first != second, "the second attempt went elsewhere, and both are told"
        # A name that cannot be shown is replaced by a made one, which the client is told.
        answer = ask(proxy.port, {"X-Request-Id": 'a"b', "X-Signalbox-Explain": "1"})
        made = json.loads(answer.header("x-signalbox-explain"))["request"]
        assert made.startswith("gnt-") and made == answer.header("x-request-id")
        assert len(client.get(f"/explain/{made}").json()["picks"]) == 1
        assert client.post("/").status_code == 405 and client.get("/else").status_code == 404


def test_the_operators_socket_answers_as_its_document_says(bench: Workbench) -> None:
    contract = Contract(PROJECT / "openapi" / "data-plane-operator.yaml")
    plane, proxy = bench.wired(bench.recording_worker().url, flags=("--id", "dp"))
    path = str(plane.runtime_folder / "data-planes" / "dp.sock")
    plane.admin.patch("/settings", json={"explain": 1})
    plane.admin.wait_until_applied(1)
    for policy in ("kv_cost", "round_robin", "cache_aware"):
        plane.admin.put("/policies/default", json={"name": policy})
        plane.admin.wait_until_applied(1)
        assert ask(proxy.port, {"X-Request-Id": policy}).status == 200
        told = json.loads(contract.ask(path, "GET", f"/explain/{policy}").body)
        assert told["picks"][0]["explanation"]["policy"] == policy
    assert contract.ask(path, "GET", "/explain/nobody").status == 404
    assert json.loads(contract.ask(path, "GET", "/").body)["explained_picks"] == 3
    assert contract.exercised == contract.operations()


def test_the_operators_socket_is_its_users_alone_and_goes_with_the_data_plane(bench: Workbench) -> None:
    plane, proxy = bench.wired(flags=("--id", "dp"))
    folder = plane.runtime_folder / "data-planes"
    path = folder / "dp.sock"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and stat.S_IMODE(folder.stat().st_mode) == 0o700
    with socket.socket(socket.AF_UNIX) as silent:
        silent.connect(str(path))
        with operator(plane, "dp") as client:
            assert client.get("/", timeout=limit(10)).status_code == 200, "one that says nothing holds nobody up for long"
    successor = bench.data_plane(plane.control_socket, "--id", "dp")
    proxy.terminate()
    with operator(plane, "dp") as client:
        assert client.get("/").status_code == 200, "the file belongs to the successor"
    successor.terminate()
    assert list(folder.iterdir()) == []
