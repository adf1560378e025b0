"""After ten thousand mixed requests, what is counted equals what the clients and the workers counted."""

import http.client
import json
import threading
from collections import Counter

import httpx
from prometheus_client.parser import text_string_to_metric_families

from support.fleet import Launch, SimulatedWorker, Workbench
from support.limits import limit
from support.ports import free_port
from support.processes import kill_pid
from support.waiting import wait_for

CLIENTS = 8
REQUESTS_EACH = 1_250
CHAT = {"model": "simulated", "messages": [{"role": "user", "content": "Which way to Crewe?"}], "stream": True,
        "max_tokens": 4, "stream_options": {"include_usage": True}}
LONG = {"text": "a", "stream": True, "sampling_params": {"max_new_tokens": 400}}


class Client(threading.Thread):
    """Sends its share of the requests one after the other, and counts what it sees."""

    def __init__(self, port: int, number: int, midway: threading.Barrier):
        super().__init__()
        self.port, self.number, self.midway = port, number, midway
        self.seen: Counter[str] = Counter()
        self.connection: http.client.HTTPConnection | None = None

    def run(self) -> None:
        for index in range(REQUESTS_EACH):
            if index == REQUESTS_EACH // 2:
                self.midway.wait()
            try:
                self.one(index)
            except (OSError, http.client.HTTPException):
                # The data plane was killed under it.
                self.seen["lost"] += 1
                self.close()
        self.close()

    def one(self, index: int) -> None:
        if self.connection is None:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=limit(20))
        match (index + self.number) % 20:
            case 0:
                self.connection.request("POST", "/generate", json.dumps(LONG))
                answer = self.connection.getresponse()
                if answer.status != 200:
                    answer.read()
                    self.seen[f"/generate {answer.status // 100}xx"] += 1
                    return
                answer.read(20)
                self.seen["aborted"] += 1
                self.close()
            case 1 | 2:
                self.connection.request("POST", "/v1/chat/completions", json.dumps(CHAT),
                                        {"Content-Type": "application/json"})
                answer = self.connection.getresponse()
                text = answer.read().decode()
                self.seen[f"/v1/chat/completions {answer.status // 100}xx"] += 1
                self.count(json.loads(text.split("data: ")[-2])["usage"])
            case 3:
                self.connection.request("POST", "/generate", "no JSON", {"Content-Type": "application/json"})
                answer = self.connection.getresponse()
                answer.read()
                self.seen[f"/generate {answer.status // 100}xx"] += 1
            case _:
                self.connection.request("POST", "/generate", json.dumps({"text": f"prompt {index % 7} " * 200}))
                answer = self.connection.getresponse()
                body = answer.read()
                self.seen[f"/generate {answer.status // 100}xx"] += 1
                if answer.status == 200:
                    self.count(json.loads(body)["meta_info"])

    def count(self, usage: dict) -> None:
        self.seen["prompt"] += usage["prompt_tokens"]
        self.seen["completion"] += usage["completion_tokens"]
        details = usage.get("prompt_tokens_details") or {}
        self.seen["cached"] += usage.get("cached_tokens", details.get("cached_tokens", 0))

    def close(self) -> None:
        if self.connection:
            self.connection.close()
        self.connection = None


def counted(port: int) -> dict[tuple[str, frozenset], float]:
    page = httpx.get(f"http://127.0.0.1:{port}/metrics").text
    return {(sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(page) for sample in family.samples}


def series(values: dict, name: str, **labels: str) -> float:
    return sum(value for (found, held), value in values.items()
               if found == name and set(labels.items()) <= held)


def settled(launch: Launch) -> bool:
    return all(plane["in_flight"] == 0 for plane in launch.admin.data_planes())


def test_counts_equal_the_truth(bench: Workbench) -> None:
    port = free_port()
    # One worker fails now and then, so that there are retries.
    workers: list[SimulatedWorker] = [
        bench.worker("--speedup", 50), bench.worker("--speedup", 50, "--fault", "status=503,path=/generate,probability=0.02"),
    ]
    launch = bench.launch("--prometheus-port", port, "--retry-initial-backoff-ms", 1, "--cb-failure-threshold", 1000,
                          workers=[worker.url for worker in workers], data_planes=2)
    bench.wait_ready(launch)
    midway = threading.Barrier(CLIENTS + 1)
    clients = [Client(launch.port, number, midway) for number in range(CLIENTS)]
    for client in clients:
        client.start()
    midway.wait()
    kill_pid(launch.data_plane_pids()[0])
    for client in clients:
        client.join()
    seen: Counter[str] = sum((client.seen for client in clients), Counter())
    wait_for("no request in flight", lambda: settled(launch), limit(10))
    wait_for("both data planes", lambda: len(launch.admin.data_planes()) == 2, limit(10))
    values = counted(port)

    # What was in flight when a data plane was killed may be missing.
    slack = CLIENTS
    assert seen["lost"] <= slack and seen["aborted"] > 400
    for route, outcome in (("/generate", "2xx"), ("/generate", "4xx"), ("/generate", "5xx"), ("/v1/chat/completions", "2xx")):
        found = series(values, "signalbox_requests_total", route=route, outcome=outcome)
        assert 0 <= found - seen[f"{route} {outcome}"] <= slack, (route, outcome, found, seen)
    gone = series(values, "signalbox_requests_total", route="/generate", outcome="client_gone")
    assert abs(gone - seen["aborted"]) <= slack
    phases = series(values, "signalbox_client_aborts_total")
    assert phases == gone
    for kind in ("prompt", "completion", "cached"):
        found = series(values, "signalbox_tokens_total", kind=kind)
        # A token count of a request whose answer the kill cut off on its way to the client.
        assert 0 <= found - seen[kind] <= slack * 500, (kind, found, seen)
    predicted = series(values, "signalbox_predicted_cached_tokens_total")
    actual = series(values, "signalbox_predictable_cached_tokens_total")
    assert predicted > 0 and actual > 0
    for worker in workers:
        stats = worker.stats()["requests"]
        asked = stats.get("/generate", 0) + stats.get("/v1/chat/completions", 0)
        sent = series(values, "sgl_router_processed_requests_total", worker=worker.url)
        assert abs(sent - asked) <= slack, (worker.url, sent, asked)
    retries = series(values, "sgl_router_retries_total")
    failures = series(values, "signalbox_worker_failures_total")
    assert retries > 20 and abs(retries - failures) <= slack
    picks = series(values, "signalbox_picks_total")
    assert picks == series(values, "sgl_router_processed_requests_total")
    assert series(values, "signalbox_inter_token_seconds_count") > seen["aborted"]
    # The series of a worker that is removed disappear.
    launch.admin.remove_worker(workers[0].url)
    wait_for("its series to be gone", lambda: series(
        counted(port), "sgl_router_processed_requests_total", worker=workers[0].url) == 0 and not any(
            ("worker", workers[0].url) in labels for _, labels in counted(port)), limit(10))
