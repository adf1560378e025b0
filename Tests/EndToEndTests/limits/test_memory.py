"""What a data plane holds is bounded, counted, and given back."""

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from limits.many_streams import ManyStreams
from limits.timing import EVENT, SSE_HEAD, chunk
from support.fleet import DataPlane, Workbench
from support.limits import limit
from support.measurements import record
from support.processes import cpu_seconds, resident_bytes, resident_bytes_peak
from support.raw_http import RawConnection
from support.recording_worker import RecordedRequest, WorkerConnection, response_bytes
from support.scripted_control_plane import ScriptedControlPlane, serving
from support.waiting import wait_for

MEBIBYTE = 1 << 20
RESIDENT_BYTES_MAX = 60 * MEBIBYTE
STREAM_REQUEST = b"POST /generate HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\n\r\n{}"
GAUGES = ("input_bytes", "body_bytes", "unsent_bytes", "spooled_bytes")


def connect(stack: ExitStack, port: int, count: int) -> list[socket.socket]:
    return [stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=20)) for _ in range(count)]


def held(plane: ScriptedControlPlane) -> dict[str, int]:
    """The gauges of the newest heartbeat."""
    return plane.heartbeats()[-1]["held"]


def wait_until_nothing_is_held(plane: ScriptedControlPlane) -> None:
    wait_for("nothing to be held", lambda: not any(held(plane)[gauge] for gauge in GAUGES), limit(10))


@pytest.mark.slow
@pytest.mark.measured
def test_10000_idle_connections_and_2000_streams_fit_in_60_megabytes(bench: Workbench) -> None:
    with ManyStreams(SSE_HEAD + chunk(EVENT)) as worker, serving(bench, worker.url, flags=("--threads", 2)) as (_, proxy):
        with ExitStack() as stack:
            idle = connect(stack, proxy.port, 10_000)
            assert_many_are_served(proxy, stack, worker, 2000)
            for client in idle[::1000]:
                client.sendall(b"GET /health HTTP/1.1\r\nHost: t\r\n\r\n")
                assert client.recv(4096).startswith(b"HTTP/1.1 200")
            resident = resident_bytes_peak(proxy.pid)
    record("Bounded memory", "peak resident memory of a data plane, 10,000 idle connections and 2,000 streams",
           resident / MEBIBYTE, "MiB", "60", "limits/test_memory.py")
    assert resident < RESIDENT_BYTES_MAX


def assert_many_are_served(proxy: DataPlane, stack: ExitStack, worker: ManyStreams, count: int) -> None:
    """Opens streams, and sees two events arrive on each."""
    streams = connect(stack, proxy.port, count)
    for stream in streams:
        stream.sendall(STREAM_REQUEST)
    wait_for("every stream to reach the worker", lambda: len(worker.streams) == count, limit(20))
    worker.send_all(chunk(EVENT))
    for stream in streams:
        received = b""
        while received.count(EVENT) < 2:
            data = stream.recv(65536)
            assert data, "a stream was cut"
            received += data


def test_1000_idle_connections_and_200_streams_cost_little_each(bench: Workbench) -> None:
    with ManyStreams(SSE_HEAD + chunk(EVENT)) as worker, serving(bench, worker.url) as (_, proxy), ExitStack() as stack:
        before = resident_bytes(proxy.pid)
        connect(stack, proxy.port, 1000)
        assert_many_are_served(proxy, stack, worker, 200)
        grown = resident_bytes(proxy.pid) - before
    # 60 MB for 12,000 connections and their workers' leave no more than 4 KiB for each.
    assert grown < 1200 * 4096, f"{grown / 1200:.0f} bytes for each connection"


def begin_body(stack: ExitStack, port: int, length: int, sent: int) -> RawConnection:
    client = stack.enter_context(RawConnection(port))
    client.send(b"POST /generate HTTP/1.1\r\nHost: t\r\nContent-Length: %d\r\n\r\n%s" % (length, b"x" * sent))
    return client


@pytest.mark.measured
def test_the_memory_of_a_burst_of_bodies_is_given_back(bench: Workbench) -> None:
    worker = bench.recording_worker(lambda connection, request: connection.send(response_bytes(b"ok")))
    with serving(bench, worker.url) as (plane, proxy):
        before = resident_bytes(proxy.pid)
        with ExitStack() as stack:
            for _ in range(150):
                begin_body(stack, proxy.port, 1_000_000, 999_999)
            wait_for("the bodies to be held", lambda: held(plane)["body_bytes"] > 140_000_000, limit(20))
            assert resident_bytes(proxy.pid) - before > 140_000_000
        wait_until_nothing_is_held(plane)
        wait_for("the memory to be given back", lambda: resident_bytes(proxy.pid) - before < 12 * MEBIBYTE, limit(10))


def test_bodies_beyond_the_budget_get_503_and_others_go_on(bench: Workbench) -> None:
    worker = bench.recording_worker(lambda connection, request: connection.send(response_bytes(request.body)))
    settings = {"buffer_bytes_max": 16 * MEBIBYTE}
    with serving(bench, worker.url, settings=settings) as (plane, proxy), ExitStack() as stack:
        length = 1_000_000
        clients = [begin_body(stack, proxy.port, length, length - 1) for _ in range(40)]
        wait_for("the budget to be used", lambda: held(plane)["body_bytes"] > 12 * MEBIBYTE)
        assert held(plane)["body_bytes"] <= 17 * MEBIBYTE
        for _ in range(10):
            with RawConnection(proxy.port) as other:
                assert other.ask("POST", "/generate", b"small").body == b"small", "one that needs little was refused"
        answers = []
        for client in clients:
            try:
                client.send(b"x")
            except OSError:
                pass
            answers.append(client.read_response())
        refused = [answer for answer in answers if answer.status == 503]
        assert all(int(answer.header("retry-after") or 0) >= 1 for answer in refused)
        served = [answer for answer in answers if answer.status == 200]
        assert len(served) + len(refused) == 40
        assert 10 <= len(served) <= 17, f"{len(served)} bodies of 1 MB were held in 16 MiB"
        assert all(len(answer.body) == length for answer in served)
        assert resident_bytes_peak(proxy.pid) < RESIDENT_BYTES_MAX
        wait_until_nothing_is_held(plane)
        with RawConnection(proxy.port) as other:
            assert other.ask("POST", "/generate", b"x" * length).status == 200, "the budget was not given back"


def test_unsent_bytes_are_counted_and_one_slow_reader_stalls_only_itself(bench: Workbench) -> None:
    def respond(connection: WorkerConnection, request: RecordedRequest) -> None:
        connection.send(response_bytes(b"x" * (50 * MEBIBYTE if request.body == b"much" else 10)))

    worker = bench.recording_worker(respond)
    with serving(bench, worker.url) as (plane, proxy), ExitStack() as stack:
        for _ in range(10):
            slow = stack.enter_context(RawConnection(proxy.port, receive_buffer=4096))
            slow.send("POST /generate HTTP/1.1\r\nHost: t\r\nContent-Length: 4\r\n\r\nmuch")
        # Each of the ten is stuck with what the kernel left of its last read: anything up to 64 KiB.
        wait_for("answers to be stuck", lambda: held(plane)["unsent_bytes"] > 64 * 1024)
        with RawConnection(proxy.port) as other:
            for _ in range(50):
                assert len(other.ask("POST", "/generate", b"little").body) == 10
        assert held(plane)["unsent_bytes"] < 10 * MEBIBYTE
        assert resident_bytes_peak(proxy.pid) < RESIDENT_BYTES_MAX
        stack.close()
        wait_until_nothing_is_held(plane)


@contextmanager
def two_models(bench: Workbench, **settings: int) -> Iterator[tuple]:
    """Two workers of different models, so that a body must be read to its end before a worker is chosen."""
    workers = {}
    for model in ("red", "blue"):
        workers[model] = bench.recording_worker(
            lambda connection, request, model=model: connection.send(response_bytes(model)), model=model
        )
    spool = bench.folder / "spool"
    spool.mkdir()
    urls = {worker.url: model for model, worker in workers.items()}
    with serving(bench, *urls, served=urls, settings=settings or None,
                 flags=("--threads", 1, "--spool-directory", spool)) as (plane, proxy):
        yield workers, plane, proxy, spool


def body_of(model: str, length: int) -> bytes:
    """JSON whose model stands at its very end; no two bytes far apart are exchanged without being noticed."""
    text = os.urandom(length // 2).hex().encode()
    return b'{"prompt":"%s","model":"%s"}' % (text, model.encode())


def spool_files(proxy: DataPlane, folder: Path) -> list[str]:
    """Files in the folder, and those without a name that the data plane has open there."""
    found = [str(path) for path in folder.iterdir()]
    for descriptor in Path(f"/proc/{proxy.pid}/fd").iterdir():
        try:
            target = os.readlink(descriptor)
        except OSError:
            continue
        if target.startswith(str(folder)):
            found.append(target)
    return found


def ask_json(client: RawConnection, body: bytes) -> object:
    return client.ask("POST", "/v1/completions", body, {"Content-Type": "application/json"})


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_large_body_whose_model_comes_last_is_spooled_and_arrives_unchanged(bench: Workbench, framing: str) -> None:
    with two_models(bench) as (workers, plane, proxy, spool):
        body = body_of("blue", 3 * MEBIBYTE)
        with RawConnection(proxy.port) as client:
            head = b"POST /v1/completions HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
            half = len(body) // 2
            if framing == "length":
                client.send(head + b"Content-Length: %d\r\n\r\n%s" % (len(body), body[:half]))
            else:
                client.send(head + b"Transfer-Encoding: chunked\r\n\r\n" + chunk(body[:half]))
            wait_for("the body to be spooled", lambda: held(plane)["spooled_bytes"] > MEBIBYTE)
            files = spool_files(proxy, spool)
            assert len(files) == 1 and not list(spool.iterdir()), f"the file has a name: {files}"
            client.send(body[half:] if framing == "length" else chunk(body[half:]) + b"0\r\n\r\n")
            assert client.read_response().body == b"blue"
            assert ask_json(client, b'{"model":"red"}').body == b"red"
        assert workers["blue"].routed("/v1/completions")[0].body == body
        assert len(workers["red"].routed("/v1/completions")) == 1
        wait_for("the file to be gone", lambda: not spool_files(proxy, spool))
        wait_until_nothing_is_held(plane)


def test_a_spooled_body_costs_time_in_proportion_and_no_memory(bench: Workbench) -> None:
    """Forty times the body that is held: copying what is there for each piece that comes would take many seconds."""
    with two_models(bench) as (workers, _, proxy, _), RawConnection(proxy.port, timeout=60) as client:
        body = b'{"prompt":"%s","model":"red"}' % (b"x" * 40 * MEBIBYTE)
        before = cpu_seconds(proxy.pid)
        assert ask_json(client, body).body == b"red"
        assert cpu_seconds(proxy.pid) - before < limit(2)
        assert workers["red"].routed("/v1/completions")[0].body == body
        assert resident_bytes_peak(proxy.pid) < 40 * MEBIBYTE, "the body is in memory"


@pytest.mark.parametrize("end", ["close", "reset"])
def test_the_file_of_a_client_that_leaves_is_gone(bench: Workbench, end: str) -> None:
    with two_models(bench) as (workers, plane, proxy, spool):
        client = RawConnection(proxy.port)
        client.send(b"POST /v1/completions HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nContent-Length: 3000000\r\n\r\n"
                    + b'{"prompt":"' + b"x" * 2_000_000)
        wait_for("the body to be spooled", lambda: held(plane)["spooled_bytes"] > MEBIBYTE)
        client.close() if end == "close" else client.reset()
        wait_for("the file to be gone", lambda: not spool_files(proxy, spool))
        wait_until_nothing_is_held(plane)
    assert not workers["red"].routed("/v1/completions") + workers["blue"].routed("/v1/completions")


def test_a_spooled_body_that_is_no_json_is_400(bench: Workbench) -> None:
    with two_models(bench) as (workers, plane, proxy, spool), RawConnection(proxy.port) as client:
        answer = ask_json(client, body_of("blue", 2 * MEBIBYTE)[:-1] + b"]")
        assert answer.status == 400
        wait_for("the file to be gone", lambda: not spool_files(proxy, spool))
        wait_until_nothing_is_held(plane)
    assert not workers["red"].routed("/v1/completions") + workers["blue"].routed("/v1/completions")


def test_a_body_beyond_the_budget_of_files_is_503_and_the_budget_comes_back(bench: Workbench) -> None:
    with two_models(bench, spool_bytes_max=4 * MEBIBYTE) as (_, plane, proxy, spool), ExitStack() as stack:
        first = stack.enter_context(RawConnection(proxy.port))
        body = body_of("red", 3 * MEBIBYTE)
        first.send(b"POST /v1/completions HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
                   % len(body) + body[:-1])
        wait_for("the first body to be spooled", lambda: held(plane)["spooled_bytes"] > 2 * MEBIBYTE)
        second = stack.enter_context(RawConnection(proxy.port))
        answer = ask_json(second, body_of("blue", 3 * MEBIBYTE))
        assert answer.status == 503 and int(answer.header("retry-after") or 0) >= 1
        first.send(body[-1:])
        assert first.read_response().body == b"red"
        wait_until_nothing_is_held(plane)
        assert ask_json(first, body_of("blue", 3 * MEBIBYTE)).body == b"blue"
        wait_for("the files to be gone", lambda: not spool_files(proxy, spool))


def test_the_control_plane_shows_what_is_held(bench: Workbench) -> None:
    worker = bench.recording_worker()
    plane, proxy = bench.wired(worker.url)

    def gauge(name: str) -> int:
        return plane.admin.data_planes()[0]["held"][name]

    with RawConnection(proxy.port) as client:
        client.send(b"POST /generate HTTP/1.1\r\nHost: t\r\nContent-Length: 500000\r\n\r\n" + b"x" * 400_000)
        wait_for("the body to be counted", lambda: gauge("body_bytes") >= 400_000)
        client.send(b"x" * 100_000)
        assert client.read_response().status == 200
        wait_for("the worker's connection to be counted", lambda: gauge("idle_upstream_connections") == 1)
        wait_for("the body to be given back", lambda: gauge("body_bytes") == 0)
