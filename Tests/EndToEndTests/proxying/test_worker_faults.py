"""A worker that breaks HTTP harms one request at most, and its connection never serves another."""

import signal
import threading
import time
from collections.abc import Iterator

import pytest

from proxying.worker_faults import FAULTS, POISON, Fault
from support.fleet import DataPlane, Workbench
from support.processes import freeze
from support.raw_http import RawConnection, Response
from support.recording_worker import RecordedRequest, RecordingWorker, WorkerConnection, response_bytes
from support.scripted_control_plane import ScriptedControlPlane, serving
from support.scripted_worker import ScriptedWorker
from support.waiting import wait_for

Fleet = tuple[RecordingWorker, DataPlane, ScriptedControlPlane]
BY_NAME = {fault.name: fault for fault in FAULTS}


def answer(connection: WorkerConnection, request: RecordedRequest) -> bool | None:
    name = request.header("x-fault")
    if name:
        return BY_NAME[name].play(connection, request)
    connection.send(response_bytes(request.header("x-number") or ""))
    return None


@pytest.fixture(scope="module")
def fleet() -> Iterator[Fleet]:
    bench = Workbench()
    try:
        worker = bench.recording_worker(answer)
        with serving(bench, worker.url) as (plane, proxy):
            yield worker, proxy, plane
    finally:
        problems = bench.close()
    assert not problems, problems


def outcome(connection: RawConnection, method: str = "POST", headers: dict[str, str] | None = None) -> tuple[str, Response | None]:
    """What a strict client makes of the answer: its status, or "cut" when it is no whole message."""
    try:
        response = connection.ask(method, "/generate", b"{}", headers)
    except (EOFError, ConnectionError):
        return "cut", None
    return (str(response.status), response) if response.is_complete else ("cut", response)


def right_answer(connection: RawConnection, number: str) -> None:
    seen, response = outcome(connection, headers={"X-Number": number})
    assert (seen, response and response.body) == ("200", number.encode()), "another client was harmed"


def assert_never_reused(worker: RecordingWorker, marked: str) -> None:
    """No request came behind the marked one on its connection."""
    requests = worker.routed("/generate")
    for index, request in enumerate(requests):
        if request.header("x-fault") == marked:
            later = [other for other in requests[index + 1:] if other.connection == request.connection]
            assert not later, f"the connection served {len(later)} more"


@pytest.mark.parametrize("fault", [pytest.param(fault, id=fault.name.replace(" ", "-")) for fault in FAULTS])
def test_a_fault_harms_only_its_own_request(fleet: Fleet, fault: Fault) -> None:
    worker, proxy, plane = fleet
    worker.requests.clear()
    with RawConnection(proxy.port) as client:
        right_answer(client, "before")
        with RawConnection(proxy.port, timeout=8) as victim:
            seen, response = outcome(victim, headers={"X-Fault": fault.name})
        right_answer(client, "after")
    right = seen == str(fault.status) and response is not None and response.body == fault.body
    assert (right and "right" in fault.allowed) or seen in fault.allowed, (seen, response)
    assert response is None or b"poison" not in response.body
    requests = worker.routed("/generate")
    first = next(request for request in requests if request.header("x-fault"))
    assert first.connection == requests[0].connection, "the fault was not played on a pooled connection"
    if not fault.may_reuse:
        assert_never_reused(worker, fault.name)


def test_nothing_is_in_flight_after_all_faults(fleet: Fleet) -> None:
    _, proxy, plane = fleet
    proxy.expect_running()
    count = len(plane.heartbeats())
    wait_for("a heartbeat without requests in flight",
             lambda: any(beat["in_flight"] == 0 for beat in plane.heartbeats()[count:]))


def test_bytes_on_an_idle_connection_end_it(bench: Workbench) -> None:
    idle = threading.Event()

    def respond(connection: WorkerConnection, request: RecordedRequest) -> bool | None:
        connection.send(response_bytes(request.body))
        if request.body != b"first":
            return None
        idle.wait(10)
        connection.send(POISON)
        closed.append(connection.wait_for_end(5))
        return False

    closed: list[float | None] = []
    worker = bench.recording_worker(respond)
    with serving(bench, worker.url) as (_, proxy), RawConnection(proxy.port) as client:
        assert client.ask("POST", "/generate", b"first").body == b"first"
        idle.set()
        wait_for("the worker's connection to end", lambda: closed)
        assert closed[0], "an idle connection that spoke was kept"
        assert client.ask("POST", "/generate", b"second").body == b"second"
    assert [request.connection for request in worker.routed("/generate")] == [0, 1]


@pytest.mark.parametrize("first", ["poison", "request"])
def test_bytes_that_came_before_a_request_was_sent_are_never_its_answer(bench: Workbench, first: str) -> None:
    """Both wait in the kernel while the data plane stands still, so it finds them in one turn of its loop."""
    def respond(connection: WorkerConnection, request: RecordedRequest) -> None:
        connection.send(response_bytes(request.body))

    worker = bench.recording_worker(respond)
    with serving(bench, worker.url) as (_, proxy), RawConnection(proxy.port) as client:
        for number in range(5):
            assert client.ask("POST", "/generate", b"before").body == b"before"
            used = worker.connections[worker.routed("/generate")[-1].connection]
            request = b"POST /generate HTTP/1.1\r\nHost: t\r\nContent-Length: 1\r\n\r\n%d" % number
            freeze(proxy.pid)
            steps = [lambda: used.send(POISON), lambda: client.send(request)]
            for step in steps if first == "poison" else reversed(steps):
                step()
            proxy.signal(signal.SIGCONT)
            assert client.read_response().body == b"%d" % number


def early_answer(connection: RawConnection, number: int, kept: threading.Event) -> None:
    head = connection.read_until(b"\r\n\r\n")
    if b"content-length: 3000000" in head.lower() or b"chunked" in head.lower():
        connection.send(response_bytes("too much", status="413 Payload Too Large"))
        kept.wait(10)
        return
    connection.send(response_bytes("%d" % number))


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_an_answer_before_the_body_reaches_the_client_and_ends_the_workers_connection(
    bench: Workbench, framing: str
) -> None:
    kept = threading.Event()
    ended: list[bool] = []

    def play(connection: RawConnection, number: int) -> None:
        early_answer(connection, number, kept)
        if number == 0:
            try:
                while connection.receive():
                    pass
            except OSError:
                pass
            ended.append(True)

    with ScriptedWorker(play) as worker, serving(bench, worker.url) as (_, proxy):
        with RawConnection(proxy.port) as client:
            lines = "Content-Length: 3000000" if framing == "length" else "Transfer-Encoding: chunked"
            piece = b"x" * 1_500_000
            client.send(f"POST /generate HTTP/1.1\r\nHost: t\r\n{lines}\r\n\r\n")
            client.send(piece if framing == "length" else b"%x\r\n%s\r\n" % (len(piece), piece))
            response = client.read_response()
            assert (response.status, response.body) == (413, b"too much")
            kept.set()
            wait_for("the worker's connection to end", lambda: ended, 5)
        with RawConnection(proxy.port) as client:
            assert client.ask("POST", "/generate", b"{}").body == b"1", "not on a new connection"


def test_a_head_that_drips_but_ends_is_an_answer_like_any_other(bench: Workbench) -> None:
    def respond(connection: WorkerConnection, request: RecordedRequest) -> None:
        for byte in response_bytes(request.body):
            connection.send(bytes((byte,)))
            time.sleep(0.002)

    worker = bench.recording_worker(respond)
    with serving(bench, worker.url) as (_, proxy), RawConnection(proxy.port) as client:
        for body in (b"one", b"two"):
            assert client.ask("POST", "/generate", body).body == body
    assert [request.connection for request in worker.routed("/generate")] == [0, 0]


@pytest.mark.parametrize("end", ["close", "reset"])
def test_an_answer_that_is_cut_is_visibly_cut_for_an_http_1_0_client_too(bench: Workbench, end: str) -> None:
    """Its answer ends with the connection, so only a reset can say that something is missing."""
    fault = Fault("cut", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n20\r\n{", ("cut",), then=end)
    worker = bench.recording_worker(fault.play)
    with serving(bench, worker.url) as (_, proxy), RawConnection(proxy.port) as client:
        client.send("POST /generate HTTP/1.0\r\nContent-Length: 2\r\n\r\n{}")
        try:
            received = client.read_to_end()
        except ConnectionResetError:
            return
    assert received.startswith((b"HTTP/1.1 502", b"HTTP/1.0 502")), received
