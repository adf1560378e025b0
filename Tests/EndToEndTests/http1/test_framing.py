"""Plays a file of HTTP/1.1 framing cases against a data plane; SIGNALBOX_HTTP1_CASES names it."""

import json
import os
import re
from pathlib import Path

import pytest

from http1.framing_cases import Case, cases, play
from http1.framing_rules import CONTROL_TAG, heads_are_strict, routed, violations
from support.fleet import Workbench
from support.limits import limit
from support.measurements import record
from support.processes import resident_bytes
from support.raw_http import RawConnection
from support.recording_worker import RecordedRequest, WorkerConnection, response_bytes
from support.waiting import wait_for

FILE = Path(os.environ.get("SIGNALBOX_HTTP1_CASES", Path(__file__).with_name("cases.json")))
ALL = cases(FILE)
REPETITIONS = 10
RESIDENT_BYTES_GROWTH_MAX = 10 << 20

# The last tests look at what the first have left: one process runs them all.
pytestmark = pytest.mark.xdist_group("framing")


def answer(connection: WorkerConnection, request: RecordedRequest) -> None:
    connection.send(response_bytes(b"ok", content_type="text/plain"))


@pytest.fixture(scope="module")
def fleet():
    bench = Workbench()
    try:
        worker = bench.recording_worker(answer)
        plane, proxy = bench.wired(worker.url, flags=("--log-format", "json", "--access-log", "full"))
        yield worker, plane, proxy
    finally:
        problems = bench.close()
    assert not problems, problems


@pytest.mark.parametrize("case", [pytest.param(case, id=case.identifier, marks=[pytest.mark.slow] if case.is_slow else [])
                                  for case in ALL])
def test_case(fleet: tuple, case: Case) -> None:
    worker, plane, proxy = fleet
    worker.requests.clear()
    outcome = play(proxy.port, case)
    with RawConnection(proxy.port, timeout=limit(1)) as control:
        assert control.ask("POST", "/generate", b"{}", {"X-Control": CONTROL_TAG}).status == 200, "the proxy is harmed"
    requests = routed(worker)
    found = violations(case, outcome, requests) + heads_are_strict(requests)
    assert not found, (case.rules.get("title") or case.rules.get("why"), found, [r.status for r in outcome.responses])


def test_nothing_is_in_flight_afterwards(fleet: tuple) -> None:
    _, plane, proxy = fleet
    plane.admin.wait_for_no_requests()
    proxy.expect_running()
    wait_for("the refused connections to be forgotten",
             lambda: all(entry["connections"] <= 1 for entry in plane.admin.data_planes()), 5)


def test_each_line_of_the_log_is_json_and_has_no_credentials(fleet: tuple) -> None:
    _, _, proxy = fleet
    lines = [line for line in proxy.log().splitlines() if not line.startswith("signalbox-proxy:")]
    assert len(lines) > len(ALL) / 2, "the access log has a line for each case that was a request"
    for line in lines:
        assert isinstance(json.loads(line), dict), line
        assert not re.search(r"[\x00-\x1f\x7f]", line), line
        assert "authorization" not in line.lower(), line


@pytest.mark.slow
@pytest.mark.measured
def test_the_whole_file_again_and_again_leaves_no_memory_behind(fleet: tuple) -> None:
    worker, plane, proxy = fleet
    fast = [case for case in ALL if not case.is_slow]

    def play_all() -> None:
        for case in fast:
            play(proxy.port, case)
        worker.requests.clear()

    play_all()
    before = resident_bytes(proxy.pid)
    for _ in range(REPETITIONS):
        play_all()
    growth = resident_bytes(proxy.pid) - before
    record("HTTP/1.1 framing", f"growth of a data plane over {REPETITIONS} times the whole file of cases",
           growth / (1 << 20), "MiB", "10", "http1/test_framing.py")
    assert growth < RESIDENT_BYTES_GROWTH_MAX
    plane.admin.wait_for_no_requests()
