"""What Prometheus reads: the truth, in a form that foreign parsers take, whatever dies meanwhile."""

import json
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from support.documented_metrics import differences, documented, exposed
from support.fleet import PROJECT, Launch, Workbench
from support.kubernetes_api import KubernetesAPI
from support.limits import limit
from support.metrics import lint, page, samples, total
from support.ports import free_port
from support.processes import kill_pid
from support.raw_http import RawConnection, ask
from support.recording_worker import RecordedRequest, WorkerConnection, response_bytes
from support.waiting import wait_for

EVENT = b"data: {}\n\n"
NAME = re.compile(r"\b(?:sgl_router|signalbox|process)_[a-z_]+")


def respond(connection: WorkerConnection, request: RecordedRequest) -> None:
    if b"stream" in request.body:
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        connection.send_chunk(EVENT)
        connection.send(b"0\r\n\r\n")
    elif b"bad" in request.body:
        connection.send(response_bytes("{}", status=400))
    elif b"hold" in request.body:
        connection.wait_for_end(limit(30))
    else:
        connection.send(response_bytes("{}"))


def fleet(bench: Workbench, *flags: object, workers: int = 2, data_planes: int = 2) -> tuple[Launch, int]:
    port = free_port()
    recording = [bench.recording_worker(respond) for _ in range(workers)]
    launch = bench.launch("--prometheus-port", port, *flags, workers=[worker.url for worker in recording],
                          data_planes=data_planes)
    bench.wait_ready(launch)
    return launch, port


def post(launch: Launch, body: bytes, path: str = "/generate") -> int:
    return ask(launch.port, "POST", path, body).status


def abort(launch: Launch) -> None:
    """A client that leaves while it waits for its first byte."""
    with RawConnection(launch.port) as client:
        client.send(b"POST /generate HTTP/1.1\r\nHost: t\r\nContent-Length: 4\r\n\r\nhold")
        wait_for("the request to be at a worker", lambda: sum(
            entry["load"] for entry in launch.admin.workers()) >= 1, limit(10))


def test_counts_equal_what_the_clients_saw_whatever_dies(bench: Workbench) -> None:
    launch, port = fleet(bench)
    for _ in range(200):
        assert post(launch, b"good") == 200
    for _ in range(50):
        assert post(launch, b"bad") == 400
    for _ in range(30):
        assert post(launch, b"stream", "/v1/completions") == 200
    for _ in range(20):
        assert ask(launch.port, "GET", "/no/such/path").status == 404
    with RawConnection(launch.port) as client:
        client.send(b"no request\r\n\r\n")
        assert client.read_response().status == 400
    abort(launch)

    def expect(times: int) -> None:
        def counted() -> dict[str, float]:
            return {
                "good": total(port, "signalbox_requests_total", route="/generate", outcome="2xx"),
                "bad": total(port, "signalbox_requests_total", route="/generate", outcome="4xx"),
                "stream": total(port, "signalbox_requests_total", route="/v1/completions", outcome="2xx"),
                "unknown": total(port, "signalbox_requests_total", route="other", outcome="4xx"),
                "gone": total(port, "signalbox_requests_total", route="/generate", outcome="client_gone"),
                "aborts": total(port, "signalbox_client_aborts_total", phase="before_first_byte"),
                "first tokens": total(port, "signalbox_time_to_first_token_seconds_count"),
                "picks": total(port, "signalbox_picks_total", policy="kv_cost"),
            }

        wanted = {"good": 200 * times, "bad": 50 * times, "stream": 30 * times, "unknown": 21 * times, "gone": times,
                  "aborts": times, "first tokens": 30 * times, "picks": 281 * times}
        wait_for(f"the counts to be {wanted}", lambda: counted() == wanted, limit(5))

    expect(1)
    # A kill -9 of all data planes loses nothing of what was counted.
    for pid in launch.data_plane_pids():
        kill_pid(pid)
    wait_for("new data planes", lambda: len([entry for entry in launch.admin.data_planes() if entry["applied"]]) == 2)
    bench.wait_ready(launch)
    expect(1)
    kill_pid(launch.control_plane_pid())
    bench.wait_for_admin(launch)
    wait_for("metrics to be served again", lambda: httpx.get(f"http://127.0.0.1:{port}/").status_code == 200)
    expect(1)
    for body, times in ((b"good", 200), (b"bad", 50)):
        for _ in range(times):
            post(launch, body)
    for _ in range(30):
        post(launch, b"stream", "/v1/completions")
    for _ in range(21):
        ask(launch.port, "GET", "/no/such/path")
    abort(launch)
    expect(2)
    assert total(port, "sgl_router_request_duration_seconds_count", route="/generate") == 500
    assert total(port, "sgl_router_generate_duration_seconds_count") == 460


def test_retries_are_counted(bench: Workbench) -> None:
    dying = threading.Event()

    def fail(connection: WorkerConnection, request: RecordedRequest) -> None:
        connection.send(response_bytes("{}", status=503 if dying.is_set() else 200))

    port = free_port()
    workers = [bench.recording_worker(fail) for _ in range(2)]
    launch = bench.launch("--prometheus-port", port, "--retry-max-retries", 2, "--retry-initial-backoff-ms", 1,
                          workers=[worker.url for worker in workers])
    bench.wait_ready(launch)
    dying.set()
    assert post(launch, b"x") == 503
    wait_for("the retry to be counted", lambda: total(port, "sgl_router_retries_total", route="/generate") == 1)
    assert total(port, "sgl_router_request_errors_total", route="/generate") == 1


def test_gauges_tell_what_workers_and_data_planes_do(bench: Workbench) -> None:
    launch, port = fleet(bench)
    assert total(port, "sgl_router_active_workers") == 2
    assert total(port, "signalbox_workers", state="ready") == 2
    assert len(samples(port, "signalbox_data_plane_connected")) == 2
    url = launch.admin.workers()[0]["url"]
    assert total(port, "sgl_router_worker_health", worker=url) == 1
    identity = launch.admin.workers()[0]["id"]
    launch.admin.delete(f"/workers/{identity}", params={"force": "true"})
    wait_for("the series of a removed worker to go", lambda: not samples(port, "sgl_router_worker_health", worker=url))
    _, sequence = launch.admin.version()
    assert total(port, "signalbox_snapshot_sequence") == sequence


@pytest.fixture
def discovering(bench: Workbench) -> Iterator[tuple[object, ...]]:
    """Flags of service discovery, whose series are there only with it."""
    api = KubernetesAPI()
    yield "--service-discovery", "--selector", "app=none", "--kubeconfig", api.kubeconfig(bench.folder / "kubeconfig")
    api.stop()


def test_foreign_parsers_take_it_and_alerts_ask_for_what_is_there(bench: Workbench, discovering: tuple[object, ...]) -> None:
    launch, port = fleet(bench, *discovering)
    post(launch, b"good")
    text = page(port)
    lint(text)
    assert len(list(text_string_to_metric_families(text))) >= 30
    families = set(re.findall(r"^# TYPE (\S+)", text, re.M))
    used = set(re.findall(NAME, (PROJECT / "deploy/prometheus/alerts.yml").read_text()))
    bare = {re.sub(r"_(bucket|sum|count)$", "", name) if name not in families else name for name in used}
    assert bare <= families, bare - families


def test_the_dashboard_asks_for_what_is_there_and_shows_everything(bench: Workbench, discovering: tuple[object, ...]) -> None:
    launch, port = fleet(bench, *discovering)
    post(launch, b"good")
    families = set(re.findall(r"^# TYPE (\S+)", page(port), re.M))
    dashboard = json.loads((PROJECT / "deploy/grafana/signalbox.json").read_text())
    assert dashboard["id"] is None and dashboard["uid"] == "signalbox" and dashboard["tags"] == ["signalbox"]
    panels = [panel for panel in dashboard["panels"] if panel["type"] != "row"]
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
    assert {panel["datasource"]["uid"] for panel in panels} == {"${datasource}"}
    variables = {variable["name"] for variable in dashboard["templating"]["list"]}
    expressions = [target["expr"] for panel in panels for target in panel["targets"]]
    shown = set()
    for expression in expressions:
        assert set(re.findall(r"\$([a-z]+)", expression)) <= variables
        names = re.findall(NAME, expression)
        assert names, expression
        shown |= {name if name in families else re.sub(r"_(bucket|sum|count)$", "", name) for name in names}
    assert shown <= families, shown - families
    # An older name of a figure that is shown under its other one.
    assert families - shown == {"sgl_router_worker_load"}
    rules = {"groups": [{"name": "dashboard", "rules": [
        {"record": f"dashboard:{number}", "expr": expression.replace("$__rate_interval", "1m")}
        for number, expression in enumerate(expressions)]}]}
    (bench.folder / "rules.yml").write_text(yaml.safe_dump(rules))
    check = subprocess.run(["promtool", "check", "rules", str(bench.folder / "rules.yml")], capture_output=True, text=True,
                           check=False)
    assert check.returncode == 0, check.stdout + check.stderr


def test_prometheus_scrapes_it_and_takes_the_alert_rules(bench: Workbench, tmp_path: Path) -> None:
    launch, port = fleet(bench)
    post(launch, b"good")
    rules = PROJECT / "deploy/prometheus/alerts.yml"
    check = subprocess.run(["promtool", "check", "rules", str(rules)], capture_output=True, text=True, check=False)
    assert check.returncode == 0, check.stdout + check.stderr
    web = free_port()
    shutil.copy(rules, tmp_path / "alerts.yml")
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump({
        "global": {"scrape_interval": "1s"},
        "rule_files": ["alerts.yml"],
        "scrape_configs": [{"job_name": "signalbox", "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}],
    }))
    server = subprocess.Popen(
        ["prometheus", f"--config.file={tmp_path / 'prometheus.yml'}", f"--storage.tsdb.path={tmp_path / 'data'}",
         f"--web.listen-address=127.0.0.1:{web}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        def scraped() -> bool:
            query = {"query": 'signalbox_requests_total{route="/generate",outcome="2xx"}'}
            answer = httpx.get(f"http://127.0.0.1:{web}/api/v1/query", params=query).json()
            return [entry["value"][1] for entry in answer["data"]["result"]] == ["1"]

        wait_for("Prometheus to have scraped it", scraped, limit(30))
    finally:
        server.terminate()
        server.wait(timeout=20)


@pytest.mark.parametrize("command", ["control-plane", "launch"])
def test_a_busy_port_is_a_clear_error(bench: Workbench, command: str) -> None:
    _, port = fleet(bench, workers=1, data_planes=1)
    second = getattr(bench, command.replace("-", "_"))("--prometheus-port", port, wait=False)
    assert second.wait(limit(20)) == 75
    assert "--prometheus-port" in second.log() and str(port) in second.log()


def test_port_0_serves_none(bench: Workbench) -> None:
    bench.launch("--prometheus-port", 0, workers=[bench.worker().url])


def test_a_data_plane_alone_serves_its_own(bench: Workbench) -> None:
    worker, port = bench.recording_worker(respond), free_port()
    control_plane = bench.control_plane()
    plane = bench.data_plane(control_plane.control_socket, "--prometheus-port", port, "--metrics-directory", "",
                             name="alone")
    assert control_plane.admin.add_worker(worker.url).status_code == 200
    bench.wait_ready(plane)
    control_plane.signal(9)
    for _ in range(20):
        assert ask(plane.port, "POST", "/generate", b"good").status == 200
    assert total(port, "signalbox_requests_total", route="/generate", outcome="2xx") == 20
    assert total(port, "signalbox_data_plane_client_connections", data_plane="alone") >= 0
    # No file, and yet what it counted of each worker.
    assert samples(port, "sgl_router_processed_requests_total") == {(("worker", worker.url),): 20}
    [((policy, _), picks)] = samples(port, "sgl_router_policy_decisions_total").items()
    assert policy[0] == "policy" and picks == 20
    assert total(port, "sgl_router_active_workers") == total(port, "sgl_router_worker_health", worker=worker.url) == 1
    assert samples(port, "signalbox_worker_breakers", state="closed").keys() == {
        (("state", "closed"), ("worker", worker.url))}
    lint(page(port))
    rows = {name: row for name, row in documented().items() if row.alone}
    assert differences(rows, exposed(page(port))) == []
    silent = "signalbox_data_plane_control_plane_silent_seconds"
    wait_for("the silence to show", lambda: total(port, silent, data_plane="alone") > 0.5)
    assert ask(port, "POST", "/metrics", b"x").status == 405
    second = bench.data_plane(control_plane.control_socket, "--prometheus-port", port, wait=False)
    assert second.wait(limit(10)) == 75 and "--prometheus-port" in second.log()


def test_buckets_are_the_users(bench: Workbench) -> None:
    launch, port = fleet(bench, "--prometheus-duration-buckets", 0.5, 60)
    assert post(launch, b"good") == 200
    buckets = re.findall(r'signalbox_queue_wait_seconds_bucket\{le="([^"]+)"\}', page(port))
    assert buckets == ["0.5", "60", "+Inf"]
    wait_for("the count", lambda: total(port, "sgl_router_request_duration_seconds_bucket", route="/generate", le="0.5") == 1)
    wrong = bench.launch("--prometheus-duration-buckets", 2, 1, wait=False)
    assert wrong.wait(limit(10)) == 64 and "--prometheus-duration-buckets must ascend" in wrong.log()


def test_a_worker_added_again_while_its_former_self_drains_is_one_series(bench: Workbench) -> None:
    launch, port = fleet(bench, workers=1, data_planes=1)
    url = launch.admin.urls()[0]
    with RawConnection(launch.port) as client:
        client.send(b"POST /generate HTTP/1.1\r\nHost: t\r\nContent-Length: 4\r\n\r\nhold")
        wait_for("the request to be at the worker", lambda: total(port, "sgl_router_running_requests", worker=url) == 1)
        assert launch.admin.remove_worker(url).status_code == 200
        assert launch.admin.add_worker(url).status_code == 200
        wait_for("both registrations", lambda: len(launch.admin.workers()) == 2)
        assert total(port, "sgl_router_worker_health", worker=url) == 1
        assert total(port, "sgl_router_processed_requests_total", worker=url) == 1
    wait_for("one registration", lambda: len(launch.admin.workers()) == 1)


def test_a_data_plane_that_is_lost_shows(bench: Workbench) -> None:
    port, plane = free_port(), None
    control_plane = bench.control_plane("--prometheus-port", port)
    plane = bench.data_plane(control_plane.control_socket, name="lost")
    wait_for("it to be connected", lambda: total(port, "signalbox_data_plane_connected", data_plane="lost") == 1)
    plane.signal(9)
    wait_for("its loss", lambda: samples(port, "signalbox_data_plane_connected", data_plane="lost") == {
        (("data_plane", "lost"),): 0.0})
    assert total(port, "signalbox_data_plane_draining", data_plane="lost") == 0


def test_usage_of_an_answer_that_ends_with_its_connection_is_counted(bench: Workbench) -> None:
    usage = b'{"usage":{"prompt_tokens":11,"completion_tokens":7,"prompt_tokens_details":{"cached_tokens":3}}}'

    def close(connection: WorkerConnection, request: RecordedRequest) -> bool:
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n" + b" " * 3000 + usage)
        return False

    port = free_port()
    launch = bench.launch("--prometheus-port", port, workers=[bench.recording_worker(close).url])
    bench.wait_ready(launch)
    assert post(launch, b"x") == 200
    wait_for("the tokens", lambda: [total(port, "signalbox_tokens_total", kind=kind) for kind in (
        "prompt", "completion", "cached")] == [11, 7, 3])
