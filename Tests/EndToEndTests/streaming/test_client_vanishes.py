"""A client that goes away takes its request with it, in every phase."""

import random
import threading
import time

import pytest

from support.fleet import Workbench
from support.limits import limit
from support.measurements import percentile, record
from support.raw_http import RawConnection
from support.recording_worker import RecordedRequest, RecordingWorker, WorkerConnection
from support.waiting import wait_for

PHASES = ("part of the head", "part of the body", "part of a large body", "before the answer", "in the stream")
LARGE = 2 << 20


class Endings:
    """When each tagged client left, and when the worker saw its connection close."""

    def __init__(self) -> None:
        self.left: dict[str, float] = {}
        self.seen: dict[str, float] = {}
        self.begun: set[str] = set()


def streaming_worker(bench: Workbench, endings: Endings) -> RecordingWorker:
    def respond(connection: WorkerConnection, request: RecordedRequest) -> bool:
        tag = request.header("x-tag") or ""
        endings.begun.add(tag)
        if "before" not in tag:
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
            connection.send_chunk(b"data: {}\n\n")
        ended = connection.wait_for_end()
        if ended:
            endings.seen[tag] = ended
        return False

    return bench.recording_worker(respond)


def vanish(port: int, phase: str, number: int, endings: Endings, worker: RecordingWorker, dice: random.Random) -> None:
    tag = f"{phase.replace(' ', '-')}-{number}"
    length = LARGE if "large" in phase else 400
    head = f"POST /generate HTTP/1.1\r\nHost: t\r\nX-Tag: {tag}\r\nContent-Length: {length}\r\n\r\n"
    connection = RawConnection(port, timeout=20)
    if phase == "part of the head":
        connection.send(head[:-20])
    elif phase == "part of the body":
        connection.send(head + "x" * 100)
    elif phase == "part of a large body":
        connection.send(head.encode() + b"x" * (LARGE - 1000))
        wait_for("the worker to get the beginning",
                 lambda: any(request.header("x-tag") == tag for request in list(worker.requests)), 15)
    else:
        connection.send(head + "x" * length)
        wait_for("the request to reach the worker", lambda: tag in endings.begun, 15)
        if phase == "in the stream":
            connection.read_head()
    time.sleep(dice.random() * 0.2)
    endings.left[tag] = time.monotonic()
    if dice.random() < 0.5:
        connection.reset()
    else:
        connection.close()


@pytest.mark.measured
def test_200_clients_that_vanish_at_random_phases_free_their_workers(bench: Workbench) -> None:
    endings = Endings()
    worker = streaming_worker(bench, endings)
    plane, proxy = bench.wired(worker.url)
    dice = random.Random(20)
    plan = [PHASES[dice.randrange(len(PHASES))] for _ in range(200)]
    failures: list[BaseException] = []

    def run(number: int) -> None:
        try:
            vanish(proxy.port, plan[number], number, endings, worker, random.Random(number))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(40)
    assert not failures, failures[:3]
    assert len(endings.left) == 200

    def large_endings() -> dict[str, float]:
        return {
            request.header("x-tag"): request.ended_at for request in list(worker.requests)
            if request.ended_at and not request.is_complete and request.header("x-tag")
        }

    reached = {tag for tag in endings.left if not tag.startswith(("part-of-the-head", "part-of-the-body"))}
    wait_for("the worker to see every connection close", lambda: reached <= endings.seen.keys() | large_endings().keys(), 10)
    seen = endings.seen | large_endings()
    delays = [(seen[tag] - endings.left[tag]) * 1000 for tag in reached]
    assert not [tag for tag in endings.begun if tag.startswith(("part-of-the-head", "part-of-the-body"))]
    settled = plane.admin.wait_for_no_requests(limit(3))
    record("Clients that vanish", "worker sees the connection close, p99 of 200 clients", percentile(delays, 99), "ms",
           "200", "streaming/test_client_vanishes.py")
    record("Clients that vanish", "in-flight back at 0 after", settled, "s", "-", "streaming/test_client_vanishes.py")
    assert percentile(delays, 99) < limit(0.200) * 1000
    wait_for("every client connection to be forgotten",
             lambda: all(entry["connections"] == 0 for entry in plane.admin.data_planes()), 5)


def test_the_simulated_worker_stops_generating(bench: Workbench) -> None:
    worker = bench.worker("--speedup", "1")
    plane, proxy = bench.wired(worker.url)
    body = b'{"model":"simulated","stream":true,"max_tokens":100000,"messages":[{"role":"user","content":"hi"}]}'
    connection = RawConnection(proxy.port)
    connection.send(b"POST /v1/chat/completions HTTP/1.1\r\nHost: t\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    assert connection.read_response(head_only=True).status == 200
    connection.read_chunk()
    connection.close()
    plane.admin.wait_for_no_requests()
    wait_for("the worker to have stopped", lambda: running_requests(worker.stats()) == 0, 5)


def running_requests(stats: dict) -> int:
    for key in ("running", "running_requests", "in_flight"):
        if key in stats:
            return stats[key]
    raise AssertionError(f"no count of running requests in {stats}")
