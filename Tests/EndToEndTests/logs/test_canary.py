"""What clients, workers and operators say never shows in what operators read."""

import json
import re
import sqlite3
import subprocess
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from support.canaries import Canaries
from support.canary_answers import MALFORMED, CanaryAnswers, CanaryWorker
from support.canary_operators import tell_the_control_plane
from support.canary_requests import VALID_TRACE, CanaryRequests
from support.fleet import ControlPlane, Workbench
from support.limits import limit
from support.ports import free_port
from support.processes import Process
from support.raw_http import ask
from support.waiting import wait_for

# What shows by design: the ids that clients choose (docs/logs.md, decision 0029), and what workers tell of their models, which
# snapshots hold because data planes answer with it on /v1/models.
CLIENT_ID, OPERATOR_ID = {"request: id"}, {"operator: id"}
CARD = {"answer: model card", "answer: field of a model card"}
# What ends at the router: it is for the next hop only, its own, or no valid id or trace.
NOT_PASSED_ON = {f"request: {name}" for name in (
    "Proxy-Authorization", "X-Request-Id", "traceparent", "tracestate", "X-Signalbox-Explain", "X-Signalbox-Snapshot",
    "X-Signalbox-Source-Address", "X-Signalbox-Worker", "Connection", "Upgrade", "TE", "Keep-Alive", "half a body", "model",
    "target worker", "chunk extension", "trailer")} | {f"answer: {name}" for name in (
    "X-Signalbox-Worker", "X-Signalbox-Explain", "id that gives way", "early hint", "trailer", *MALFORMED)}


@dataclass
class Fleet:
    control_plane: ControlPlane
    port: int
    metrics: list[int]
    processes: list[Process]

    @property
    def operator_socket(self) -> Path:
        [socket] = (self.control_plane.runtime_folder / "data-planes").iterdir()
        return socket


def started(bench: Workbench, form: str, workers: list[CanaryWorker]) -> Fleet:
    """In text all together, in JSON each by itself, with every output that there is."""
    logs = ("--log-level", "debug", "--log-format", form, "--log-dir", bench.folder / "logs")
    metrics = [free_port(), free_port()]
    control = ("--prometheus-port", metrics[0], "--explain", 1, "--retry-initial-backoff-ms", 1, "--cb-failure-threshold", 3,
               "--health-check-interval-secs", 1, "--worker-startup-check-interval", 1)
    urls = [worker.url for worker in workers]
    if form == "text":
        launch = bench.launch(*control, *logs, "--access-log", "full", workers=urls)
        bench.wait_ready(launch)
        return Fleet(launch, launch.port, metrics[:1], [launch])
    plane = bench.control_plane(*control, *logs)
    proxy = bench.data_plane(
        plane.control_socket, *logs, "--access-log", "full", "--prometheus-port", metrics[1], "--forward-admin", "all",
        "--admin-socket", plane.admin_socket, "--snapshot-cache", bench.folder / "cache")
    for url in urls:
        assert plane.admin.add_worker(url).status_code == 200
    plane.admin.wait_until_applied(1)
    bench.wait_ready(proxy)
    return Fleet(plane, proxy.port, metrics, [proxy, plane])


def ask_all(requests: CanaryRequests, answers: CanaryAnswers, fleet: Fleet) -> None:
    """Every answer on two paths, every policy, every kind of path, and bodies of all sizes."""
    admin = fleet.control_plane.admin
    for wish in answers.answers:
        for path in ("/generate", f"/v1/chat/completions?api_key={requests.secret('query')}"):
            requests.ask(path, requests.body(wish))
    assert {200, 302, 400, 401, 404, 422, 429, 500, 502, 503} <= requests.statuses
    for policy in admin.get("/policies").json()["available"]:
        assert admin.put("/policies/default", json={"name": policy}).status_code == 200
        admin.wait_until_applied(1)
        requests.ask("/v1/completions", requests.body())
    admin.put("/policies/default", json={"name": "kv_cost"})
    named = {"X-Request-Id": requests.secret("id"), "X-Signalbox-Explain": "1", "traceparent": VALID_TRACE,
             "tracestate": f"a={requests.secret('valid tracestate')}"}
    assert requests.ask("/v1/messages", requests.body(), requests.fields(**named)).header("x-signalbox-explain")
    target = {"X-SMG-Target-Worker": requests.secret("target worker")}
    requests.ask("/generate", requests.body(), requests.fields(**target))
    assert requests.ask("/generate", requests.body() | {"model": requests.secret("model")}).status == 404
    # Beyond what is held in memory, and before the model is known: it waits in a file.
    last = {"wish": "plain", "text": requests.secret("long body") * 100_000, "model": "recorded"}
    assert requests.ask("/v1/completions", last).status == 200
    for path in ("/v1/responses", "/v1/embeddings", "/rerank", f"/v1/{requests.secret('path that is passed on')}"):
        assert requests.ask(path, requests.body()).status == 200
    for path in ("/get_server_info", "/v1/models", "/workers", "/readiness", "/nothing"):
        requests.ask(f"{path}?key={requests.secret('query of a question')}", b"", method="GET")
    pieces = (f"POST /generate HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n2;a={requests.secret('chunk extension')}"
              f"\r\n{{}}\r\n0\r\nX-Last: {requests.secret('trailer')}\r\n\r\n")
    assert requests.raw(pieces.encode(), fleet.port, limit(5)).startswith(b"HTTP/1.1 200 ")
    other = requests.fields(**{"Content-Type": "application/octet-stream"})
    assert requests.ask("/v1/completions", b"plain " + requests.secret("body that is no JSON").encode(), other).status == 200


def leave_in_every_phase(requests: CanaryRequests, workers: list[CanaryWorker]) -> None:
    def at_workers() -> int:
        return sum(len(worker.routed("/v1/completions")) for worker in workers)

    with requests.leaving(requests.head("/generate", 1 << 20) + requests.secret("half a body").encode()):
        pass
    for reset in (False, True):
        for wish, answer in (("hold", b""), ("hold stream", b"data: ")):
            before, body = at_workers(), json.dumps(requests.body(wish)).encode()
            with requests.leaving(requests.head("/v1/completions", len(body)) + body, reset, answer):
                wait_for("the request to be at a worker", lambda before=before: at_workers() > before)


def outputs(bench: Workbench, fleet: Fleet, explained: str) -> dict[str, str]:
    """Everything that operators can read."""
    admin = fleet.control_plane.admin
    identity = admin.workers()[0]["id"]
    seen = {path: admin.get(path).text for path in (
        "/workers", f"/workers/{identity}", "/list_workers", "/get_loads", "/data_planes", "/audit", "/snapshots", "/settings",
        "/policies", "/models", "/discovery", "/version", "/health")}
    for sequence in {entry["version"]["sequence"] for entry in json.loads(seen["/snapshots"])["snapshots"]}:
        seen[f"/snapshots/{sequence}"] = admin.get(f"/snapshots/{sequence}").text
    for port in fleet.metrics:
        seen[f"metrics at {fleet.metrics.index(port)}"] = httpx.get(f"http://127.0.0.1:{port}/metrics").text
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(fleet.operator_socket)), base_url="http://data-plane") as operator:
        seen["operator"] = operator.get("/").text
        seen["explanation"] = operator.get(f"/explain/{explained}").text
    assert '"picks"' in seen["explanation"]
    for process in fleet.processes:
        process.signal(15)
        assert process.wait(limit(20)) == 0
    files = [path for path in bench.folder.rglob("*") if path.is_file() and path.stat().st_size]
    return seen | {path.relative_to(bench.folder).as_posix(): path.read_bytes().decode("latin-1") for path in files}


def where(place: str) -> str:
    """The kind of an output, whatever its number or day."""
    kinds = {r"/snapshots/\d+": "snapshot", r"logs/.*": "log file", r"(launch|data-plane)-1\.log": "console",
             r".*cache": "cache", r"database.*": "database"}
    return next((kind for form, kind in kinds.items() if re.fullmatch(form, place)), place)


def check_lines(text: str, form: str, secret: str) -> None:
    """The only place of a log that holds the id is the field of that name, in the line of the request."""
    [line] = [line for line in text.splitlines() if secret in line]
    assert line.count(secret) == 1
    if form == "json":
        assert json.loads(line)["request.id"] == secret and json.loads(line)["message"] == "request"
    else:
        assert re.match(rf"\S+ INFO request request\.id={secret} route=/v1/messages ", line)


def check_tables(database: Path, canaries: Canaries) -> None:
    """Each table holds what it is for."""
    connection = sqlite3.connect(database)
    found: dict[str, set[str]] = {}
    for line in connection.iterdump():
        if places := canaries.found(line):
            found.setdefault(line.split()[2].strip('"').split("(")[0], set()).update(places)
    connection.close()
    assert found == {"audit": OPERATOR_ID, "worker": CARD, "snapshot_history": CARD}


@pytest.mark.parametrize("form", ["text", "json"])
def test_no_secret_shows_in_any_output(bench: Workbench, form: str) -> None:
    canaries = Canaries()
    answers = CanaryAnswers(canaries)
    workers = [CanaryWorker(answers), CanaryWorker(answers), CanaryWorker(answers, model="other")]
    sick = [CanaryWorker(answers, health) for health in ("503", "302", *answers.malformed())]
    bench.recording_workers += workers + sick
    fleet = started(bench, form, workers)
    plane = fleet.control_plane
    requests = CanaryRequests(canaries, fleet.port)
    ask_all(requests, answers, fleet)
    leave_in_every_phase(requests, workers)
    said = tell_the_control_plane(requests, plane)
    for name, data in requests.malformed().items():
        for port in (plane.admin_port, *fleet.metrics, str(fleet.operator_socket), str(plane.admin_socket)):
            requests.raw(data, port, seconds=0.1)
        # Half a greeting is no line yet, and gets no answer.
        said[name] = requests.raw(data, fleet.port, seconds=0.1 if name == "hello" else limit(5)).decode()
        assert re.match(r"HTTP/1\.1 [45]", said[name]) or name == "hello", (name, said[name])
    for worker in sick:
        assert plane.admin.post("/workers", json={"url": worker.url}).status_code == 202
    wait_for("reasons", lambda: all(entry["reason"] for entry in plane.admin.workers()))

    # All of it was said: the other side got it.
    heard = requests.received.decode("latin-1") + "".join(
        (request.raw_head + request.body).decode("latin-1") for worker in workers for request in worker.requests)
    spoken = {place for place in canaries.places if place.startswith(("request: ", "answer: "))}
    assert len(spoken) > 90 and spoken - canaries.found(heard) <= NOT_PASSED_ON
    # What is refused is not repeated.
    assert {name: found for name, text in said.items() if (found := canaries.found(text))} == {}
    seen = outputs(bench, fleet, canaries.secret("request: id"))
    shown: dict[str, set[str]] = {}
    for place, text in seen.items():
        if places := canaries.found(text):
            shown.setdefault(where(place), set()).update(places)
    assert shown == {"/audit": OPERATOR_ID, "database": OPERATOR_ID | CARD, "snapshot": CARD, "cache": CARD,
                     "explanation": CLIENT_ID, "console": CLIENT_ID, "log file": CLIENT_ID}
    for place, text in seen.items():
        if where(place) in ("console", "log file"):
            check_lines(text, form, canaries.secret("request: id"))
    check_tables(plane.database, canaries)
    if form == "json":
        # A foreign parser takes every line.
        for place, text in seen.items():
            if where(place) == "log file":
                parsed = subprocess.run(["jq", "-e", ".message"], input=text, text=True, capture_output=True, check=False)
                assert parsed.returncode == 0 and '"request"' in parsed.stdout, parsed.stderr


def test_a_password_in_the_url_of_an_unknown_worker_is_not_logged(bench: Workbench) -> None:
    plane = bench.control_plane()
    assert ask(plane.admin_port, "POST", "/remove_worker?url=http://user:sesame@127.0.0.1:9", b"").status == 200
    wait_for("the line", lambda: "A worker to be removed is unknown." in plane.log())
    assert "sesame" not in plane.log()
