"""Plays a file of HTTP/1.1 framing cases against a data plane; SIGNALBOX_HTTP1_CASES names it."""

import os
from pathlib import Path

import pytest

from http1.framing_cases import Case, cases, play
from http1.framing_rules import CONTROL_TAG, heads_are_strict, routed, violations
from support.fleet import PROJECT, Workbench
from support.limits import limit
from support.raw_http import RawConnection
from support.recording_worker import RecordedRequest, WorkerConnection, response_bytes
from support.waiting import wait_for

FILE = Path(os.environ.get("SIGNALBOX_HTTP1_CASES", PROJECT.parent / "shared" / "http1" / "cases.json"))
ALL = cases(FILE) if FILE.exists() else []

pytestmark = pytest.mark.skipif(not ALL, reason="no file of framing cases; SIGNALBOX_HTTP1_CASES names one")


def answer(connection: WorkerConnection, request: RecordedRequest) -> None:
    connection.send(response_bytes(b"ok", content_type="text/plain"))


@pytest.fixture(scope="module")
def fleet():
    bench = Workbench()
    try:
        worker = bench.recording_worker(answer)
        plane, proxy = bench.wired(worker.url)
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
