"""Plays the file of HTTP/1.1 framing cases against the admin port, whose rules are fewer: whatever it is sent, it never
answers with an error of its own, never leaves a client without an end, and never does what it has refused."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from http1.framing_cases import Case, Outcome, cases, play
from http1.test_framing import FILE
from support.fleet import ControlPlane, Workbench
from support.limits import limit
from support.raw_http import RawConnection, ask

ALL = [case for case in cases(FILE) if not case.is_slow]
CLIENTS = 8
CONTROL_SECONDS = 1

# A refusal because of the protocol, not because of a failure here.
PROTOCOL_REFUSALS = (501, 505)

# HTTP/0.9 knows no empty line, so its request looks like the beginning of a head, and ends with the idle limit.
ENDS_BY_IDLE_LIMIT = ("rl-09",)



def asked(number: int) -> str:
    """The worker that a case adds, each its own, so that the fleet tells which cases had an effect."""
    return f"http://127.77.{number // 250}.{number % 250 + 1}:9"


def smuggled(number: int) -> str:
    return asked(number).replace(".77.", ".66.")


def for_admin(case: Case, number: int) -> Case:
    """The same case, in which what is asked for, and what is smuggled, adds a worker."""
    def change(text: str) -> str:
        add = "/add_worker?wait=false&url="
        return (text.replace("GET /smuggled HTTP/1.1", f"POST {add}{smuggled(number)} HTTP/1.1")
                .replace(" /generate HTTP", f" {add}{asked(number)} HTTP")
                .replace(" /get_model_info HTTP", " /health HTTP"))

    parts = [part if part[0] == "flush" else [part[0], change(part[1]), *part[2:]] for part in case.parts]
    return Case(case.identifier, case.rules, parts)


@dataclass
class Played:
    case: Case
    outcome: Outcome
    """How long an ordinary request took that was sent right after the case, in seconds."""
    control_seconds: float
    was_added: bool = False
    has_smuggled: bool = False

    @property
    def statuses(self) -> list[int]:
        return [response.status for response in self.outcome.responses]

    @property
    def was_refused(self) -> bool:
        return not self.statuses or any(status >= 400 for status in self.statuses)

    def __str__(self) -> str:
        return f"{self.case.identifier} {self.statuses} closed={self.outcome.is_closed}"


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    bench = Workbench()
    try:
        yield bench.control_plane()
    finally:
        problems = bench.close()
    assert not problems, problems


@pytest.fixture(scope="module")
def played(plane: ControlPlane) -> list[Played]:
    def run(number: int) -> Played:
        outcome = play(plane.admin_port, for_admin(ALL[number], number))
        started = time.monotonic()
        assert ask(plane.admin_port, "GET", "/version", timeout=10).status == 200, ALL[number].identifier
        return Played(ALL[number], outcome, time.monotonic() - started)

    with ThreadPoolExecutor(CLIENTS) as clients:
        everything = list(clients.map(run, range(len(ALL))))
    fleet = {worker["url"] for worker in json.loads(ask(plane.admin_port, "GET", "/workers").body)["workers"]}
    for number, entry in enumerate(everything):
        entry.was_added, entry.has_smuggled = asked(number) in fleet, smuggled(number) in fleet
    return everything


def test_a_good_request_among_the_cases_does_add_its_worker(played: list[Played]) -> None:
    """Otherwise no other test here could fail."""
    assert any(entry.was_added and entry.case.rules["expected"] == "accept" for entry in played)


def test_no_case_gets_an_answer_of_500_and_more(played: list[Played]) -> None:
    wrong = [str(entry) for entry in played
             if any(status >= 500 and status not in PROTOCOL_REFUSALS for status in entry.statuses)]
    assert not wrong


def test_every_case_is_answered_or_closed(played: list[Played]) -> None:
    wrong = [str(entry) for entry in played if not entry.statuses and not entry.outcome.is_closed
             and entry.case.identifier not in ENDS_BY_IDLE_LIMIT]
    assert not wrong


def test_nothing_but_responses_is_sent(played: list[Played]) -> None:
    assert not [f"{entry}: {entry.outcome.garbage[:80]!r}" for entry in played if entry.outcome.garbage]


def test_what_is_refused_is_not_done(played: list[Played]) -> None:
    wrong = [str(entry) for entry in played if entry.was_refused and entry.was_added]
    assert not wrong


def test_nothing_is_smuggled_behind_a_request_that_must_be_refused(played: list[Played]) -> None:
    wrong = [str(entry) for entry in played if entry.has_smuggled and entry.case.rules["expected"] == "reject-400"]
    assert not wrong


def test_a_refused_connection_is_closed(played: list[Played]) -> None:
    wrong = [str(entry) for entry in played if 400 in entry.statuses and not entry.outcome.is_closed
             and entry.case.rules["expected"] == "reject-400"]
    assert not wrong


def test_others_are_answered_in_time_after_each_case(played: list[Played]) -> None:
    slow = [f"{entry}: {entry.control_seconds:.2f} s" for entry in played if entry.control_seconds > limit(CONTROL_SECONDS)]
    assert not slow


@pytest.mark.slow
def test_a_head_that_never_ends_ends_with_the_idle_limit(plane: ControlPlane) -> None:
    with RawConnection(plane.admin_port, timeout=90) as connection:
        connection.send("GET /health\r\n")
        assert connection.read_to_end() in (b"", b"HTTP/1.1 408 Request Timeout\r\n\r\n")
