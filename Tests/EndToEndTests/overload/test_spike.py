"""After a spike far beyond the capacity, and quiet, everything is as it was, without a restart."""

import pytest

from support.fleet import Workbench
from support.limits import limit
from support.load import LoadGenerator, chat_request
from support.measurements import record
from support.open_loop import OpenLoop
from support.waiting import wait_for

NAME = "overload/test_spike.py"
REQUEST = chat_request(max_tokens=10)


@pytest.mark.measured
def test_after_a_spike_of_twenty_times_the_capacity_every_request_is_answered(bench: Workbench) -> None:
    flags = ("--speedup", "1", "--max-running-requests", 4, "--decode-base-ms", 20, "--decode-per-request-us", 0)
    workers = [bench.worker(*flags) for _ in range(2)]
    plane, proxy = bench.wired(*(worker.url for worker in workers))
    spike = OpenLoop(proxy.port, REQUEST, 600, 3, 2).run()
    assert sum(outcome.status == 200 for outcome in spike) < len(spike) / 2, "the spike was none"
    plane.admin.wait_for_no_requests(limit(5))
    wait_for("the workers to be idle", lambda: all(worker.stats()["in_flight"] == 0 for worker in workers))
    with LoadGenerator(proxy.port, 4, REQUEST) as load:
        wait_for("100 requests", lambda: load.result.completed + len(load.result.failures) >= 100, 30)
    record("A spike of 20 times the capacity, then quiet", "failed of the next 100 requests", len(load.result.failures),
           "requests", "0", NAME)
    assert load.result.failures == [], load.result.failures[:3]
