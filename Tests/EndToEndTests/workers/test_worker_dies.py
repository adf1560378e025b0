"""kill -9 of one of two workers under load: no client notices, and the worker is used again soon after its return."""

import time

import pytest

from support.fleet import Workbench
from support.limits import limit
from support.load import LoadGenerator
from support.measurements import record
from support.waiting import wait_for

TITLE = "One of two workers killed under load"
NAME = "workers/test_worker_dies.py"


@pytest.mark.measured
def test_no_request_fails_and_it_is_used_again_within_three_seconds(bench: Workbench) -> None:
    staying, victim = bench.worker(), bench.worker()
    plane, proxy = bench.wired(staying.url, victim.url)
    with LoadGenerator(proxy.port, 16) as load:
        wait_for("the load to flow", lambda: load.result.completed > 200)
        assert victim.stats()["completed"] > 0, "the victim has no requests that could fail"
        victim.kill()
        without = load.result.completed
        wait_for("1,000 requests without it", lambda: load.result.completed > without + 1000)
        successor = bench.worker(port=victim.port)
        started = time.monotonic()
        wait_for("traffic on its successor", lambda: successor.stats()["completed"] > 0)
        back = time.monotonic() - started
        after = load.result.completed
        wait_for("traffic to go on", lambda: load.result.completed > after + 200)
    failures = load.result.failures
    record(TITLE, f"failed requests (of {load.result.completed})", len(failures), "requests", "0", NAME)
    record(TITLE, "used again after its return", back, "s", "3", NAME)
    assert failures == [], failures[:3]
    assert back < limit(3)
