"""Beyond their capacity the workers go on to answer in useful time: what is too much is refused at once."""

import statistics
import time

import pytest

from support.fleet import ControlPlane, DataPlane, Workbench
from support.limits import FACTOR
from support.load import LoadGenerator, chat_request
from support.measurements import record
from support.open_loop import OpenLoop
from support.waiting import wait_for

NAME = "overload/test_goodput.py"
RUNNING = 4
WORKERS = 2
# As with a GPU a full batch is slower: twenty tokens take 0.22 s alone and 0.4 s with three others.
ENGINE = ("--speedup", "1", "--max-running-requests", RUNNING, "--decode-base-ms", 8, "--decode-per-request-us", 3000)
REQUEST = chat_request(max_tokens=20)
SECONDS = 8.0
GOODPUT_MIN = 0.9
# It takes some seconds of overload to be found (decision 0018).
GOODPUT_LEARNED_MIN = 0.9

LIMITS = {
    "set by hand": (("--hide-max-running-requests",), ("--max-worker-requests", RUNNING)),
    "told by the worker": ((), ()),
    "learned": (("--hide-max-running-requests",), ()),
}


def fleet(bench: Workbench, limits: str, *flags: object) -> tuple[ControlPlane, DataPlane]:
    worker_flags, plane_flags = LIMITS[limits]
    workers = [bench.worker(*ENGINE, *worker_flags) for _ in range(WORKERS)]
    control_plane = bench.control_plane(*plane_flags, *flags)
    data_plane = bench.data_plane(control_plane.control_socket)
    for worker in workers:
        assert control_plane.admin.add_worker(worker.url).status_code == 200
    control_plane.admin.wait_until_applied(1)
    bench.wait_ready(data_plane)
    return control_plane, data_plane


def capacity(proxy: DataPlane) -> tuple[float, float]:
    """What the fleet does with every place taken and nothing waiting: requests a second, and the time of one."""
    with LoadGenerator(proxy.port, WORKERS * RUNNING, REQUEST) as load:
        wait_for("the fleet to be warm", lambda: load.result.completed >= WORKERS * RUNNING)
        begun, started = load.result.completed, time.monotonic()
        wait_for("five rounds of requests", lambda: load.result.completed >= begun + 5 * WORKERS * RUNNING, 20)
        rate = (load.result.completed - begun) / (time.monotonic() - started)
    assert not load.result.failures, load.result.failures[:3]
    return rate, statistics.median(load.result.latencies)


@pytest.mark.measured
# A limit that is set by hand is the easy case.
@pytest.mark.parametrize("limits", [
    pytest.param(name, marks=[pytest.mark.slow] if name == "set by hand" else []) for name in LIMITS])
def test_goodput_stays_at_nine_tenths_up_to_three_times_the_capacity(bench: Workbench, limits: str) -> None:
    _, proxy = fleet(bench, limits)
    rate, alone = capacity(proxy)
    deadline = 2.5 * alone * FACTOR
    least = GOODPUT_LEARNED_MIN if limits == "learned" else GOODPUT_MIN
    if limits == "learned":
        outcomes = OpenLoop(proxy.port, REQUEST, rate * 1.5, SECONDS, deadline, seed=2).run()
        record(f"Goodput with the limit of a worker {limits}", f"in the {SECONDS:.0f} s of overload that teach it",
               sum(outcome.status == 200 for outcome in outcomes) / SECONDS / rate, "", "-", NAME)
    found = {}
    for factor in (1.0, 1.5, 3.0):
        outcomes = OpenLoop(proxy.port, REQUEST, rate * factor, SECONDS, deadline).run()
        answered = sum(outcome.status == 200 for outcome in outcomes)
        refused = [outcome for outcome in outcomes if outcome.status in (429, 503)]
        found[factor] = answered / SECONDS / rate
        record(f"Goodput with the limit of a worker {limits}", f"answers within the deadline / capacity, at {factor} times it",
               found[factor], "", str(least), NAME)
        assert all(outcome.seconds < alone for outcome in refused), "a refusal took as long as an answer"
    assert all(share >= least for share in found.values()), found
