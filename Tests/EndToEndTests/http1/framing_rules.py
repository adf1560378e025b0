"""Judges what a framing case led to: what its client saw, and what the worker was sent."""

from http1.framing_cases import Case, Outcome
from support.recording_worker import RecordedRequest, RecordingWorker

CONTROL_TAG = "control"


def violations(case: Case, outcome: Outcome, requests: list[RecordedRequest]) -> list[str]:
    """Every rule of the case that the outcome breaks."""
    rules, found = case.rules, []
    complete = [request for request in requests if request.is_complete]
    statuses = [response.status for response in outcome.responses]
    allowed = rules.get("status") or [400]
    if outcome.garbage:
        found.append(f"bytes that are no response: {outcome.garbage[:80]!r}")
    if any(status == 500 for status in statuses):
        found.append("a 500 shows an error that nobody caught")
    accepted = bool(complete)
    if rules["expected"] == "reject-400":
        closed_silently = not statuses and outcome.is_closed and rules.get("close_ok_without_status")
        if not closed_silently and (len(statuses) != 1 or statuses[0] not in allowed):
            found.append(f"answered {statuses}, expected one of {allowed}")
        if not outcome.is_closed:
            found.append("the connection was not closed after the refusal")
    elif rules["expected"] == "accept":
        wanted = rules.get("upstream_complete_exact", 1)
        if [status for status in statuses if status == 200] != [200] * wanted:
            found.append(f"answered {statuses}, expected {wanted} times 200")
    elif not accepted and statuses and statuses[0] not in allowed:
        found.append(f"answered {statuses}, expected one of {allowed}")
    if "upstream_complete_exact" in rules and len(complete) != rules["upstream_complete_exact"]:
        found.append(f"the worker got {len(complete)} requests, expected {rules['upstream_complete_exact']}")
    if "upstream_complete_max" in rules and len(complete) > rules["upstream_complete_max"]:
        found.append(f"the worker got {len(complete)} requests, at most {rules['upstream_complete_max']} allowed")
    if rules.get("close_after") is False and outcome.is_closed:
        found.append("the connection was closed")
    if accepted and "upstream_body" in rules and complete[0].body != rules["upstream_body"].encode("latin-1"):
        found.append(f"the worker got the body {complete[0].body[:60]!r}")
    if accepted and "upstream_body_len" in rules and len(complete[0].body) != rules["upstream_body_len"]:
        found.append(f"the worker got {len(complete[0].body)} bytes")
    secret = rules.get("must_not_see", "").encode("latin-1")
    if secret and any(secret in request.raw_head for request in requests):
        found.append(f"the worker saw {secret!r}")
    return found


def heads_are_strict(requests: list[RecordedRequest]) -> list[str]:
    """What the router may never send, whatever it was sent."""
    found = []
    for request in requests:
        lengths, codings = request.all("content-length"), request.all("transfer-encoding")
        if len(lengths) > 1 or (lengths and codings) or len(codings) > 1 or len(request.all("host")) != 1:
            found.append(f"an ambiguous head went to the worker: {request.raw_head[:200]!r}")
    return found


def routed(worker: RecordingWorker) -> list[RecordedRequest]:
    return [request for request in list(worker.requests)
            if request.header("x-control") != CONTROL_TAG and not worker.is_probe(request)]
