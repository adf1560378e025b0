"""A worker that takes requests and does not answer them hurts the few that it has, and gets no more."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from support.fleet import SimulatedWorker, Workbench
from support.load import chat_request
from support.measurements import record
from support.open_loop import OpenLoop
from support.processes import freeze
from support.waiting import wait_for

NAME = "workers/test_worker_stalls.py"
SECONDS = 20
RATE = 100
DEADLINE = 5.0
HURT_SHARE_MAX = 0.01
STREAM = chat_request(stream=True, max_tokens=8)

FAULTS = {
    "accepts and never answers": {"path": "/v1", "delay_head_ms": 600_000},
    "stalls in mid-answer": {"path": "/v1", "stall_after_events": 2},
}


@contextmanager
def black_hole(port: int) -> Iterator[None]:
    """A listener whose queue is full: connecting to it takes for ever, as to a host that has vanished."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(0)
        fillers = [socket.socket() for _ in range(8)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        try:
            yield
        finally:
            for filler in fillers:
                filler.close()


@contextmanager
def broken(worker: SimulatedWorker, kind: str) -> Iterator[None]:
    if kind in FAULTS:
        httpx.post(f"{worker.url}/faults", json=FAULTS[kind]).raise_for_status()
        yield
    elif kind == "is frozen whole":
        freeze(worker.pid)
        yield
    else:
        worker.kill()
        with black_hole(worker.port):
            yield


@pytest.mark.measured
# Each takes half a minute; the first and the last one stand for the others where time is short.
@pytest.mark.parametrize("kind", [
    *(pytest.param(kind, marks=[pytest.mark.slow] if number else []) for number, kind in enumerate(FAULTS)),
    pytest.param("is frozen whole", marks=pytest.mark.slow), "has become a black hole",
])
def test_at_most_one_percent_of_requests_is_hurt_by_a_worker_that(bench: Workbench, kind: str) -> None:
    good, bad = bench.worker(), bench.worker()
    _, proxy = bench.wired(good.url, bad.url)

    def both_are_used() -> bool:
        outcomes = OpenLoop(proxy.port, STREAM, RATE, 0.2, DEADLINE).run()
        assert all(outcome.status == 200 for outcome in outcomes)
        return bad.stats()["completed"] > 0

    wait_for("both workers to be used", both_are_used)
    with broken(bad, kind):
        outcomes = OpenLoop(proxy.port, STREAM, RATE, SECONDS, DEADLINE).run()
    hurt = [outcome for outcome in outcomes if outcome.status != 200]
    share = len(hurt) / len(outcomes)
    record(f"One of two workers {kind}", f"of {len(outcomes)} requests in {SECONDS} s not answered in {DEADLINE:.0f} s",
           share * 100, "%", f"{HURT_SHARE_MAX * 100:.0f}", NAME)
    assert share <= HURT_SHARE_MAX, f"{len(hurt)} of {len(outcomes)}: {hurt[:5]}"
