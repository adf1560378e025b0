"""What own_cases.json says beyond the form of the shared file of framing cases.

* `worker`: the whole answer of the worker, one byte per character; without it the worker answers 200 `ok`
* `answers`: the statuses that the client gets, exactly and in this order
* `head_only`: the requests are HEAD, so no body follows an answer
* `upstream_target`, `upstream_headers`: what the worker gets, if it gets the request; [] means that it gets no such field
* `client_headers`, `client_body`: what the first answer has that is not an interim one
* `kept_is_told`: when the connection stays open, the answer says `Connection: keep-alive`
"""

from http1.framing_cases import Case, Outcome
from http1.framing_rules import heads_are_strict, violations
from support.recording_worker import RecordedRequest


def answers_expected(case: Case) -> int:
    """How many answers to wait for before the connection counts as quiet."""
    return len(case.rules.get("answers", [])) or case.rules.get("upstream_complete_exact", 1)


def own_violations(case: Case, outcome: Outcome, requests: list[RecordedRequest]) -> list[str]:
    """Every rule of the case that the outcome breaks."""
    return (violations(case, outcome, requests) + heads_are_strict(requests)
            + client_violations(case, outcome) + worker_violations(case, requests))


def client_violations(case: Case, outcome: Outcome) -> list[str]:
    rules, found = case.rules, []
    statuses = [response.status for response in outcome.responses]
    if "answers" in rules and statuses != rules["answers"]:
        found.append(f"answered {statuses}, expected {rules['answers']}")
    if not statuses and not outcome.is_closed:
        found.append("neither an answer nor an end")
    if rules["expected"] == "accept" and rules.get("close_after") and not outcome.is_closed:
        found.append("the connection was kept")
    if not outcome.responses:
        return found
    first = outcome.responses[0]
    for name, values in rules.get("client_headers", {}).items():
        if first.all(name) != values:
            found.append(f"the client got {name}: {first.all(name)}")
    if "client_body" in rules and first.body != rules["client_body"].encode("latin-1"):
        found.append(f"the client got the body {first.body[:60]!r}")
    if rules.get("kept_is_told") and not outcome.is_closed and (first.header("connection") or "").lower() != "keep-alive":
        found.append("the connection was kept and the client was not told")
    return found


def worker_violations(case: Case, requests: list[RecordedRequest]) -> list[str]:
    rules, found = case.rules, []
    for request in requests:
        if "upstream_target" in rules and request.target != rules["upstream_target"]:
            found.append(f"the worker got the target {request.target!r}")
        for name, values in rules.get("upstream_headers", {}).items():
            if request.all(name) != values:
                found.append(f"the worker got {name}: {request.all(name)}")
    return found
