"""Plays own_cases.json against a data plane: rules of RFC 9112, 9110 and 3986 that the shared file has no case for."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from http1.framing_cases import Case, cases, play
from http1.framing_rules import CONTROL_TAG, routed
from http1.own_rules import answers_expected, own_violations
from support.fleet import Workbench
from support.limits import limit
from support.raw_http import RawConnection
from support.recording_worker import RecordedRequest, RecordingWorker, WorkerConnection, response_bytes
from support.scripted_control_plane import serving

ALL = cases(Path(__file__).with_name("own_cases.json"))
OK = response_bytes("ok")


@dataclass
class Fleet:
    worker: RecordingWorker
    port: int
    """What the worker answers to the case that is being played."""
    answer: list[bytes] = field(default_factory=lambda: [OK])


@pytest.fixture(scope="module")
def fleet() -> Iterator[Fleet]:
    def respond(connection: WorkerConnection, request: RecordedRequest) -> None:
        is_control = request.header("x-control") == CONTROL_TAG
        connection.send(OK if is_control else found.answer[0])

    bench = Workbench()
    try:
        worker = bench.recording_worker(respond)
        with serving(bench, worker.url) as (_, proxy):
            found = Fleet(worker, proxy.port)
            yield found
            proxy.expect_running()
    finally:
        problems = bench.close()
    assert not problems, problems


@pytest.mark.parametrize("case", [pytest.param(case, id=case.identifier) for case in ALL])
def test_case(fleet: Fleet, case: Case) -> None:
    fleet.worker.requests.clear()
    fleet.answer[0] = case.rules["worker"].encode("latin-1") if "worker" in case.rules else OK
    outcome = play(fleet.port, case, answers=answers_expected(case))
    with RawConnection(fleet.port, timeout=limit(1)) as control:
        assert control.ask("POST", "/generate", b"{}", {"X-Control": CONTROL_TAG}).body == b"ok", "the proxy is harmed"
    found = own_violations(case, outcome, routed(fleet.worker))
    assert not found, (case.rules["why"], found, [response.status for response in outcome.responses])


def test_http_1_0_gets_no_interim_answer(fleet: Fleet) -> None:
    """RFC 9110 10.1.1: it would take 100 for the final one."""
    with RawConnection(fleet.port) as connection:
        connection.send("POST /generate HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc")
        assert connection.read_response(interim=True).status == 200


def test_head_has_the_length_of_get(fleet: Fleet) -> None:
    """RFC 9110 8.6 and 9.3.2, for every path that answers HEAD."""
    with RawConnection(fleet.port) as connection:
        for path in ("/health", "/liveness", "/readiness", "/v1/models", "/no_such_path"):
            head, get = connection.ask("HEAD", path), connection.ask("GET", path)
            assert (head.status, head.header("content-length")) == (get.status, get.header("content-length")), path
            assert head.header("content-type") == get.header("content-type"), path
