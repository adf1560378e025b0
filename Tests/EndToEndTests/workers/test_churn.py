"""Workers that come and go by the hundred, under load."""

import random

import pytest

from support.fleet import Workbench
from support.load import LoadGenerator
from support.measurements import record
from support.waiting import wait_for

NAME = "workers/test_churn.py"
ADDS, REMOVES, STAYING = 250, 150, 5


@pytest.mark.measured
def test_250_adds_and_150_removes_under_load_fail_and_hang_no_request(bench: Workbench) -> None:
    worker = bench.worker(host="0.0.0.0")
    urls = [f"http://127.0.{number // 200 + 1}.{number % 200 + 1}:{worker.port}" for number in range(STAYING + ADDS)]
    plane, proxy = bench.wired(*urls[:STAYING])
    plan = ["add"] * ADDS + ["remove"] * REMOVES
    dice = random.Random(3)
    dice.shuffle(plan)
    coming, there = urls[STAYING:], []
    with LoadGenerator(proxy.port, 32) as load:
        wait_for("the load to flow", lambda: load.result.completed > 200)
        for step in plan:
            if step == "add" or not there:
                there.append(coming.pop())
                assert plane.admin.add_worker(there[-1]).status_code == 200
            else:
                gone = there.pop(dice.randrange(len(there)))
                assert plane.admin.remove_worker(gone).status_code == 200
        plane.admin.wait_until_applied(1)
        after = load.result.completed
        wait_for("traffic to go on", lambda: load.result.completed > after + 500)
    record("250 workers added and 150 removed under load", f"failed or hung requests (of {load.result.completed})",
           len(load.result.failures), "requests", "0", NAME)
    assert load.result.failures == [], load.result.failures[:3]
    assert sorted(plane.admin.urls()) == sorted(urls[:STAYING] + there)
    plane.admin.wait_for_no_requests()
