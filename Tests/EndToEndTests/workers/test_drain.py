"""A worker that is removed gets nothing new at once, and goes when nobody has requests at it any more."""

import json
import threading
import time

import pytest

from support.fleet import ControlPlane, DataPlane, Workbench
from support.limits import limit
from support.raw_http import RawConnection, ask
from support.recording_worker import RecordedRequest, RecordingWorker, WorkerConnection, response_bytes
from support.waiting import wait_for

STREAM = '{"stream":true}'
EVENT = b'data: {"token":1}\n\n'


class StreamingWorker:
    """Streams to whoever asks for it, until it is told to end the streams."""

    def __init__(self, bench: Workbench):
        self.finishing = threading.Event()
        self.worker = bench.recording_worker(self.respond)
        self.url = self.worker.url

    def respond(self, connection: WorkerConnection, request: RecordedRequest) -> bool | None:
        if b"stream" not in request.body:
            connection.send(response_bytes("{}"))
            return None
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        while not self.finishing.wait(0.02):
            connection.send_chunk(EVENT)
        connection.send_chunk(b"data: [DONE]\n\n")
        connection.send(b"0\r\n\r\n")
        return None

    def asked(self) -> int:
        return len(self.worker.routed("/generate"))


def open_stream(port: int) -> RawConnection:
    client = RawConnection(port, timeout=limit(20))
    client.send(f"POST /generate HTTP/1.1\r\nHost: t\r\nContent-Length: {len(STREAM)}\r\n\r\n{STREAM}")
    assert client.read_response(head_only=True).status == 200
    return client


def rest_of(client: RawConnection) -> bytes:
    received = b""
    while data := client.receive():
        received += data
        if received.endswith(b"0\r\n\r\n"):
            break
    return received


def draining(plane: ControlPlane, identity: str) -> dict | None:
    answer = plane.admin.get(f"/workers/{identity}")
    return answer.json() if answer.status_code == 200 else None


def wait_until_gone(plane: ControlPlane, identity: str) -> float:
    started = time.monotonic()
    wait_for("the worker to be gone", lambda: draining(plane, identity) is None, limit(5))
    return time.monotonic() - started


def fleet(bench: Workbench) -> tuple[StreamingWorker, RecordingWorker, ControlPlane, DataPlane, RawConnection, str]:
    """One worker that streams to a client, and another one that was added then."""
    leaving = StreamingWorker(bench)
    plane, proxy = bench.wired(leaving.url)
    client = open_stream(proxy.port)
    staying = bench.recording_worker()
    assert plane.admin.add_worker(staying.url).status_code == 200
    plane.admin.wait_until_applied(1)
    return leaving, staying, plane, proxy, client, plane.admin.worker(leaving.url)["id"]


def test_running_streams_end_by_themselves_while_new_requests_go_elsewhere(bench: Workbench) -> None:
    leaving, staying, plane, proxy, client, identity = fleet(bench)
    answer = plane.admin.delete(f"/workers/{identity}")
    assert answer.status_code == 202 and answer.headers["location"] == f"/workers/{identity}", answer.text
    plane.admin.wait_until_applied(1)
    for _ in range(20):
        assert ask(proxy.port, "POST", "/generate", b"{}").status == 200
    assert leaving.asked() == 1, "a draining worker got a new request"
    seen = wait_for("its progress", lambda: (now := draining(plane, identity)) and now["load"] == 1 and now)
    assert seen["state"] == "draining" and list(seen["in_flight"].values()) == [1]
    assert seen["drain"]["deadline"] > seen["drain"]["since"] and seen["drain"]["cut_at"] is None
    assert plane.admin.urls() == [staying.url], "the original's list shows a worker that is being removed"
    leaving.finishing.set()
    assert rest_of(client).endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n")
    wait_until_gone(plane, identity)
    actions = plane.rows("SELECT action, actor FROM audit WHERE subject = ? ORDER BY id DESC LIMIT 2", leaving.url)
    assert actions == [("worker.removed", "control-plane"), ("worker.draining", "api")]


@pytest.mark.parametrize("how", ["deadline", "force"])
def test_what_is_left_is_cut_with_an_error_event(bench: Workbench, how: str) -> None:
    leaving, _, plane, _, client, identity = fleet(bench)
    parameters = {"timeout_secs": 1} if how == "deadline" else {"force": "true"}
    started = time.monotonic()
    assert plane.admin.delete(f"/workers/{identity}", params=parameters).status_code == 202
    received = rest_of(client)
    took = time.monotonic() - started
    assert not received.endswith(b"0\r\n\r\n"), "a cut stream looks complete"
    error = json.loads(received.rpartition(b"data: ")[2].partition(b"\n\n")[0])
    assert error["error"]["message"]
    assert (1 <= took < limit(3)) if how == "deadline" else took < limit(1)
    wait_until_gone(plane, identity)


def test_the_original_call_answers_at_once_and_drains_behind(bench: Workbench) -> None:
    leaving, _, plane, _, client, identity = fleet(bench)
    started = time.monotonic()
    answer = plane.admin.remove_worker(leaving.url)
    assert (answer.status_code, answer.text) == (200, f"Successfully removed worker: {leaving.url}")
    assert time.monotonic() - started < limit(1)
    assert draining(plane, identity)["state"] == "draining"
    leaving.finishing.set()
    assert b"[DONE]" in rest_of(client)
    wait_until_gone(plane, identity)


def test_a_worker_is_gone_only_when_both_data_planes_have_nothing_left(bench: Workbench) -> None:
    leaving = StreamingWorker(bench)
    plane, first = bench.wired(leaving.url)
    second = bench.data_plane(plane.control_socket)
    bench.wait_ready(second)
    client = open_stream(second.port)
    identity = plane.admin.worker(leaving.url)["id"]
    plane.admin.delete(f"/workers/{identity}")
    plane.admin.wait_until_applied(2)
    wait_for("both data planes to have told",
             lambda: sorted(draining(plane, identity)["in_flight"].values(), key=str) == [0, 1])
    version = plane.admin.version()
    wait_for("a heartbeat of each since",
             lambda: all(entry["last_heartbeat"] > draining(plane, identity)["since"] for entry in plane.admin.data_planes()))
    assert plane.admin.version() == version, "it went while a stream was running"
    leaving.finishing.set()
    assert b"[DONE]" in rest_of(client)
    wait_until_gone(plane, identity)


def test_the_same_url_added_again_is_a_new_worker_beside_the_draining_one(bench: Workbench) -> None:
    worker = StreamingWorker(bench)
    plane, proxy = bench.wired(worker.url)
    client = open_stream(proxy.port)
    old = plane.admin.worker(worker.url)
    plane.admin.remove_worker(worker.url)
    assert plane.admin.add_worker(worker.url).status_code == 200
    plane.admin.wait_until_applied(1)
    new = plane.admin.worker(worker.url)
    assert new["incarnation"] != old["incarnation"]
    for _ in range(20):
        assert ask(proxy.port, "POST", "/generate", b"{}").status == 200
    wait_for("the loads to be told apart",
             lambda: {entry["id"]: entry["load"] for entry in plane.admin.workers()} == {old["id"]: 1, new["id"]: 0})
    second = open_stream(proxy.port)
    wait_for("a load each",
             lambda: {entry["id"]: entry["load"] for entry in plane.admin.workers()} == {old["id"]: 1, new["id"]: 1})
    worker.finishing.set()
    assert b"[DONE]" in rest_of(client) and b"[DONE]" in rest_of(second)
    wait_until_gone(plane, old["id"])
    wait_for("no phantom load", lambda: [entry["load"] for entry in plane.admin.workers()] == [0])
    assert ask(proxy.port, "POST", "/generate", b"{}").status == 200


def test_a_removal_that_is_taken_back_leaves_the_worker_as_it_was(bench: Workbench) -> None:
    leaving, staying, plane, proxy, client, identity = fleet(bench)
    assert plane.admin.put("/policies/default", json={"name": "round_robin"}).status_code == 200
    before = plane.admin.worker(leaving.url)
    plane.admin.delete(f"/workers/{identity}", params={"timeout_secs": 1})
    deadline = time.monotonic() + 1
    plane.admin.wait_until_applied(1)
    answer = plane.admin.post(f"/workers/{identity}/activate")
    assert answer.status_code == 202 and answer.json()["message"] == "Worker takes requests again", answer.text
    plane.admin.wait_until_applied(1)
    wait_for("a new request there",
             lambda: ask(proxy.port, "POST", "/generate", b"{}").status == 200 and leaving.asked() > 1)
    wait_for("its time to drain to be long over", lambda: time.monotonic() > deadline + 1)
    after = plane.admin.worker(leaving.url)
    assert (after["incarnation"], after["state"]) == (before["incarnation"], "ready")
    leaving.finishing.set()
    assert b"[DONE]" in rest_of(client)
    assert plane.admin.urls() == [leaving.url, staying.url]
    actions = plane.rows("SELECT action, actor FROM audit WHERE subject = ? ORDER BY id DESC LIMIT 2", leaving.url)
    assert actions == [("worker.activated", "api"), ("worker.draining", "api")]
    assert plane.admin.post(f"/workers/{identity}/activate").json()["message"] == "Worker was active already"


def test_a_drain_goes_on_after_the_control_plane_was_killed(bench: Workbench) -> None:
    leaving, _, plane, _, client, identity = fleet(bench)
    plane.admin.delete(f"/workers/{identity}", params={"timeout_secs": 600})
    plane.kill()
    again = bench.control_plane(runtime_folder=plane.runtime_folder, database=plane.database)
    wait_for("the data plane's report", lambda: (draining(again, identity) or {}).get("load") == 1)
    assert draining(again, identity)["drain"]["cut_at"] is None
    leaving.finishing.set()
    assert b"[DONE]" in rest_of(client)
    wait_until_gone(again, identity)


def test_a_data_plane_that_was_killed_holds_nothing_up(bench: Workbench) -> None:
    leaving, _, plane, proxy, _, identity = fleet(bench)
    plane.admin.delete(f"/workers/{identity}", params={"timeout_secs": 600})
    wait_for("its report", lambda: draining(plane, identity)["load"] == 1)
    proxy.kill()
    wait_until_gone(plane, identity)
