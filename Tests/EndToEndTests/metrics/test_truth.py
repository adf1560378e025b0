"""After ten thousand mixed requests, what is counted equals what the clients and the workers counted."""

import json
import os
import signal
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from support.counting_client import ENDLESS, CountingClient, End
from support.fleet import Launch, SimulatedWorker, Workbench
from support.limits import limit
from support.ports import free_port
from support.processes import freeze, kill_pid, socket_ports
from support.raw_http import ask
from support.scrape import Scrape, apart
from support.waiting import wait_for

CLIENTS = 8
REQUESTS_EACH = 1_250
# Each fault so often, however chance spreads it.
UNAVAILABLE, RESET, CUT = 60, 40, 30
FAULTS = (
    ("--fault", f"status=503,path=/generate,probability=0.05,count={UNAVAILABLE}",
     "--fault", f"close_after_events=2,path=/v1/completions,probability=0.5,count={CUT}"),
    ("--fault", f"status=500,reset,path=/generate,probability=0.05,count={RESET}"),
)
OF_BOTH = ("--speedup", 50, "--fault", "status=302,path=/v1/moved", "--fault", "status=500,path=/v1/broken",
           "--fault", "delay_head_ms=600000,path=/v1/hold")
PROBES = ("/health", "/v1/models", "/server_info", "/get_server_info", "/get_model_info")
PHASES = {"leave stream": "streaming", "leave early": "before_first_byte", "leave upload": "upload"}


@dataclass
class Truth:
    """What was counted by three who share no code: the router, the workers and the clients."""

    page: Scrape
    workers: list[SimulatedWorker]
    stats: list[dict]
    # The ends that clients saw, and what they had begun and not seen end when the data plane was killed.
    told: list[End]
    in_flight: list[End]
    # Tokens of the prompt of those who leave a stream, which no answer tells them.
    prompt_of_left: int

    @property
    def slack(self) -> int:
        """All that a count may be wrong by."""
        return len(self.in_flight)


def kill_one_in_flight(launch: Launch, clients: list[CountingClient]) -> tuple[set[int], float, float]:
    """Kills a data plane in the midst of requests; tells whose connections it had, and from when to when it was stopped."""
    stopped = 0.0

    def under_way(pid: int) -> int:
        ports = socket_ports(pid)
        return sum(client.under_way in ports for client in clients)

    def stop() -> int:
        nonlocal stopped
        pid = max(launch.data_plane_pids(), key=under_way)
        stopped = time.monotonic()
        freeze(pid)
        if under_way(pid):
            return pid
        os.kill(pid, signal.SIGCONT)
        return 0

    pid = wait_for("a data plane with requests in flight", stop)
    ports = socket_ports(pid)
    kill_pid(pid)
    return ports, stopped, time.monotonic()


def reaches_a_worker(end: End) -> bool:
    return end.kind not in ("no JSON", "unknown path", "wrong method", "models", "leave upload")


def outcome(end: End) -> str:
    return f"{end.outcome // 100}xx" if isinstance(end.outcome, int) else end.outcome.replace("left", "client_gone")


def route(end: End) -> str:
    if end.kind in ("unknown path", "wrong method"):
        return "other"
    return "other_inference" if end.kind in ("moved", "broken", "leave early") else end.route


def by_route(ends: Iterable[End]) -> Counter[tuple[str, ...]]:
    return Counter((route(end),) for end in ends)


def check_requests(truth: Truth, connections: int) -> None:
    """Requests by what was asked for and how they ended, errors, and clients that left."""
    page, slack = truth.page, truth.slack
    seen = Counter((route(end), outcome(end)) for end in truth.told)
    assert apart(page.by("signalbox_requests_total", "route", "outcome"), seen) <= slack
    assert apart(page.by("sgl_router_requests_total", "route"), by_route(truth.told)) <= slack
    names = {"4xx": "client_error", "5xx": "server_error", "cut": "cut"}
    errors = Counter({(path, names[end]): count for (path, end), count in seen.items() if end in names})
    assert apart(page.by("sgl_router_request_errors_total", "route", "error_type"), errors) <= slack
    left = Counter((PHASES[end.kind],) for end in truth.told if end.outcome == "left")
    assert len(left) == len(PHASES) and apart(page.by("signalbox_client_aborts_total", "phase"), left) <= slack
    # The workers saw the same clients leave, but for those who never got to them.
    at_workers = sum(left.values()) - left[("upload",)]
    assert 0 <= sum(stat["aborted"] for stat in truth.stats) - at_workers <= slack
    assert 0 <= connections - page.total("signalbox_client_connections_total") <= slack


def check_attempts(truth: Truth) -> None:
    """Attempts by worker; those beyond the first of each request are retries.

    A kept connection that the worker closes without a byte is no attempt: its request goes out again, and only what a fresh
    one loses is the worker's fault.
    """
    page, slack = truth.page, truth.slack
    failed = [page.total("signalbox_worker_failures_total", worker=worker.url) for worker in truth.workers]
    assert abs(failed[0] - UNAVAILABLE - CUT) <= slack and failed[1] <= RESET
    assert [stat["faulted"] for stat in truth.stats] == [CUT, RESET]
    attempts = [sum(count for path, count in stat["requests"].items() if path not in PROBES) for stat in truth.stats]
    attempts[1] -= RESET - int(failed[1])
    sent = [page.total("sgl_router_processed_requests_total", worker=worker.url) for worker in truth.workers]
    assert all(attempts) and all(0 <= one - other <= slack for one, other in zip(sent, attempts, strict=True))
    assert abs(page.total("signalbox_picks_total") - sum(sent)) <= slack
    assert abs(page.total("sgl_router_policy_decisions_total") - sum(sent)) <= slack
    retries = sum(attempts) - sum(reaches_a_worker(end) for end in truth.told)
    assert retries > UNAVAILABLE and 0 <= retries - page.total("sgl_router_retries_total") <= slack


def check_tokens(truth: Truth) -> None:
    """Tokens as answers tell that clients got; workers also have those of answers that nobody got whole."""
    of_kind: dict[str, tuple[int, ...]] = {
        kind: tuple(max(column) for column in zip(*(end.tokens for end in truth.told if end.kind == kind), strict=True))
        for kind in {end.kind for end in truth.told}}
    of_kind["leave stream"] = (truth.prompt_of_left, 0, 0)
    for number, kind in enumerate(("prompt", "completion", "cached")):
        most = sum(of_kind[end.kind][number] for end in truth.in_flight)
        tokens = sum(end.tokens[number] for end in truth.told)
        assert tokens > 0 and 0 <= truth.page.total("signalbox_tokens_total", kind=kind) - tokens <= most
        untold = sum(of_kind[end.kind][0] for end in truth.told if end.outcome in ("left", "cut")) if kind == "prompt" else 0
        assert 0 <= sum(stat[f"{kind}_tokens"] for stat in truth.stats) - tokens - untold <= most
    predicted, actual = (truth.page.total(f"signalbox_{word}_cached_tokens_total") for word in ("predicted", "predictable"))
    assert predicted > 0 and 0 < actual <= truth.page.total("signalbox_tokens_total", kind="cached")


def check_histograms(truth: Truth) -> None:
    """As many observations as there are requests of theirs, together not longer than the clients waited."""
    page, slack = truth.page, truth.slack
    stayed = [end for end in truth.told if end.outcome != "left"]
    whole, good, first = ("sgl_router_request_duration_seconds", "sgl_router_generate_duration_seconds",
                          "signalbox_time_to_first_token_seconds")
    assert apart(page.by(f"{whole}_count", "route"), by_route(stayed)) <= slack
    answered = sum(reaches_a_worker(end) and end.outcome == 200 for end in truth.told)
    assert abs(page.total(f"{good}_count") - answered) <= slack
    assert abs(page.total(f"{first}_count") - sum(end.streamed for end in truth.told)) <= slack
    for name in (whole, good, first):
        assert page.total(f"{name}_bucket", le="+Inf") == page.total(f"{name}_count")
    # Both ends of a duration are whole milliseconds.
    seconds = sum(end.ended - end.began for end in stayed)
    assert 0 < page.total(f"{good}_sum") <= page.total(f"{whole}_sum") <= seconds + len(stayed) / 1000
    assert 0 < page.total("signalbox_inter_token_seconds_count") <= sum(stat["events"] for stat in truth.stats)
    assert page.total("signalbox_queue_wait_seconds_count") == 0


def test_counts_equal_the_truth(bench: Workbench) -> None:
    port = free_port()
    workers: list[SimulatedWorker] = [bench.worker(*OF_BOTH, *faults) for faults in FAULTS]
    launch = bench.launch("--prometheus-port", port, "--retry-initial-backoff-ms", 1, "--retry-max-retries", 2,
                          "--cb-failure-threshold", 1000, workers=[worker.url for worker in workers], data_planes=2)
    bench.wait_ready(launch)
    alone = ask(workers[1].port, "POST", "/v1/completions", json.dumps({"prompt": ENDLESS["text"]}).encode())
    prompt_of_left = json.loads(alone.body)["usage"]["prompt_tokens"]
    assert ask(workers[1].port, "POST", "/stats/reset", b"").status == 200
    before = Scrape(port)

    def arrived(path: str) -> bool:
        return any(path in worker.stats()["requests"] for worker in workers)

    clients = [CountingClient(launch.port, number, REQUESTS_EACH, arrived) for number in range(CLIENTS)]
    for client in clients:
        client.start()
    wait_for("half of the requests", lambda: sum(len(client.ends) for client in clients) >= CLIENTS * REQUESTS_EACH // 2,
             limit(60))
    ports, stopped, killed = kill_one_in_flight(launch, clients)
    for client in clients:
        client.join()
    ends = [end for client in clients for end in client.ends]
    assert len(ends) == CLIENTS * REQUESTS_EACH
    launch.admin.wait_for_no_requests()
    wait_for("both data planes", lambda: len(launch.admin.data_planes()) == 2, limit(10))
    wait_for("workers without work", lambda: not any(worker.stats()["in_flight"] for worker in workers), limit(10))

    told = [end for end in ends if end.outcome != "lost"]
    in_flight = [end for end in ends if end.port in ports and end.began < killed and end.ended > stopped]
    assert 1 <= len(in_flight) <= 2 * CLIENTS
    # Nobody else lost anything; what came later on a connection that was left behind came to nobody.
    assert all(end.port in ports and end.ended > stopped for end in ends if end.outcome == "lost")
    assert {end.outcome for end in told} - {502, 503} == {200, 302, 400, 404, 405, 500, "left", "cut"}
    truth = Truth(Scrape(port, before), workers, [worker.stats() for worker in workers], told, in_flight, prompt_of_left)
    check_requests(truth, sum(client.connections for client in clients))
    check_attempts(truth)
    check_tokens(truth)
    check_histograms(truth)

    # The series of a worker that is removed disappear.
    launch.admin.remove_worker(workers[0].url)
    wait_for("its series to be gone", lambda: not any(
        ("worker", workers[0].url) in labels for _, labels in Scrape(port).values), limit(10))
