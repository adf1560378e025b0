"""What processes take, what waits, and what is known of workers: series beside the counts of requests."""

import time

from support.fleet import Workbench
from support.limits import limit
from support.metrics import page, samples, total
from support.ports import free_port
from support.raw_http import RawConnection, ask
from support.recording_worker import RecordedRequest, WorkerConnection, response_bytes
from support.snapshots import SnapshotClient
from support.waiting import wait_for

POST = b"POST /generate HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"


def hold(connection: WorkerConnection, request: RecordedRequest) -> None:
    if b"hold" in request.body:
        connection.wait_for_end(limit(30))
    else:
        connection.send(response_bytes("{}"))


def test_processes_and_budgets_have_gauges(bench: Workbench) -> None:
    port = free_port()
    launch = bench.launch("--prometheus-port", port, "--max-buffer-bytes", 32 << 20, "--policy", "kv_cost",
                          workers=[bench.worker().url], data_planes=2)
    bench.wait_ready(launch)
    prefix = "signalbox_data_plane_"
    wait_for("both to have told", lambda: len(samples(port, prefix + "open_descriptors")) == 2)
    for name, least, most in (("open_descriptors", 8, 500), ("descriptors_limit", 256, 1 << 40),
                              ("resident_memory_bytes", 1 << 20, 1 << 30), ("cpu_seconds_total", 0, limit(60)),
                              ("start_time_seconds", time.time() - limit(60), time.time() + 2)):
        values = samples(port, prefix + name).values()
        assert len(values) == 2 and all(least <= value <= most for value in values), (name, values)
    assert 8 <= total(port, "process_open_fds") <= 500 < 1 << 20 <= total(port, "process_resident_memory_bytes")
    assert abs(total(port, "process_start_time_seconds") - time.time()) < limit(60)
    assert {value for value in samples(port, prefix + "budget_limit_bytes", budget="buffers").values()} == {32 << 20}
    assert len(samples(port, prefix + "budget_used_bytes")) == 6
    # Clients cost descriptors, and half a body costs buffers.
    before = total(port, prefix + "open_descriptors")
    clients = [RawConnection(launch.port) for _ in range(40)]
    clients[0].send(POST + b"Content-Length: 600000\r\n\r\n" + b"[" * 500_000)
    wait_for("the clients to show", lambda: total(port, prefix + "open_descriptors") >= before + 40)
    wait_for("the body to show", lambda: total(port, prefix + "budget_used_bytes", budget="buffers") >= 500_000)
    for client in clients:
        client.close()
    wait_for("them to be gone", lambda: total(port, prefix + "open_descriptors") < before + 40)
    wait_for("the body to be gone", lambda: total(port, prefix + "budget_used_bytes", budget="buffers") == 0)
    assert total(port, "signalbox_client_aborts_total", phase="upload") == 1


def test_waiting_requests_are_told(bench: Workbench) -> None:
    port = free_port()
    launch = bench.launch("--prometheus-port", port, "--max-concurrent-requests", 1, "--queue-size", 10,
                          workers=[bench.recording_worker(hold).url])
    bench.wait_ready(launch)
    first, *others = [RawConnection(launch.port) for _ in range(4)]
    request = POST + b"Content-Length: 6\r\n\r\n\"hold\""
    first.send(request)
    wait_for("one at the worker", lambda: total(port, "sgl_router_running_requests") == 1)
    for client in others:
        client.send(request)
    wait_for("three to wait", lambda: total(port, "signalbox_data_plane_requests_waiting") == 3)
    for client in others:
        client.close()
    wait_for("none to wait", lambda: total(port, "signalbox_data_plane_requests_waiting") == 0)
    first.close()
    # A wait counts, however it ends.
    aborts = "signalbox_client_aborts_total"
    wait_for("all to be gone", lambda: total(port, aborts) == 4)
    assert total(port, aborts, phase="waiting") == total(port, "signalbox_queue_wait_seconds_count") == 3
    assert total(port, aborts, phase="before_first_byte") == 1


def test_probes_breakers_decisions_and_prompts_are_told_by_worker(bench: Workbench) -> None:
    port = free_port()
    good = bench.recording_worker(hold)
    bad = bench.recording_worker(lambda connection, request: connection.send(response_bytes("{}", status=503)))
    launch = bench.launch("--prometheus-port", port, "--policy", "cache_aware", "--cb-failure-threshold", 1,
                          "--cb-timeout-duration-secs", 600, "--retry-initial-backoff-ms", 1,
                          "--health-check-interval-secs", 1,
                          workers=[good.url, bad.url])
    bench.wait_ready(launch)
    wait_for("probes", lambda: total(port, "signalbox_probes_total", worker=good.url, result="success") >= 1)
    prompt = b'{"text":"' + b"a" * 5_000 + b'"}'
    for _ in range(6):
        assert ask(launch.port, "POST", "/generate", prompt, {"Content-Type": "application/json"}).status == 200
    sent = total(port, "sgl_router_processed_requests_total")
    assert sent >= 6 and total(port, "sgl_router_policy_decisions_total", policy="cache_aware") == sent
    assert total(port, "sgl_router_policy_decisions_total", policy="cache_aware", worker=good.url) == 6
    wait_for("what it has", lambda: total(port, "sgl_router_tree_size", worker=good.url) >= 4_500, limit(15))
    assert total(port, "sgl_router_tree_size", worker=good.url) <= 6_000

    def breakers(worker: str) -> dict[str, float]:
        return {state: total(port, "signalbox_worker_breakers", worker=worker, state=state)
                for state in ("closed", "open", "half_open")}

    assert breakers(good.url) == {"closed": 1, "open": 0, "half_open": 0}
    if bad.routed():
        wait_for("the breaker", lambda: breakers(bad.url) == {"closed": 0, "open": 1, "half_open": 0})
    bad.is_healthy = False
    wait_for("a failed probe", lambda: total(port, "signalbox_probes_total", worker=bad.url, result="failure") >= 1)
    assert ask(launch.port, "POST", "/v1/completions", b"{", {"Content-Type": "application/json"}).status == 400
    wait_for("the error", lambda: total(
        port, "sgl_router_request_errors_total", route="/v1/completions", error_type="client_error") >= 1)


def test_refused_snapshots_and_the_age_of_the_served_one_are_told(bench: Workbench) -> None:
    port = free_port()
    plane = bench.control_plane("--prometheus-port", port)
    with SnapshotClient(plane.control_socket, "picky", {"software": "7.7"}) as client:
        client.snapshot()
        wait_for("the acknowledgement", lambda: total(port, "signalbox_data_plane_snapshot_age_seconds") > 0)
        epoch, _ = plane.admin.version()
        wait_for("its version", lambda: samples(
            port, "signalbox_data_plane_info", data_plane="picky", version="7.7", epoch=epoch))
        assert total(port, "signalbox_data_plane_nacks_total", data_plane="picky") == 0
        assert plane.admin.post("/workers", json={"url": "http://127.0.0.1:9"}).status_code == 202
        header, _ = client.snapshot(acknowledge=False)
        client.reject(header, "It is not to my taste.")
        wait_for("the refusal", lambda: total(port, "signalbox_data_plane_nacks_total", data_plane="picky") == 1)
    # A data plane of an older version says nothing of its process.
    assert "signalbox_data_plane_open_descriptors{" not in page(port)
    with SnapshotClient(plane.control_socket, "picky"):
        wait_for("it to be back", lambda: total(port, "signalbox_data_plane_connected", data_plane="picky") == 1)
        assert total(port, "signalbox_data_plane_nacks_total", data_plane="picky") == 1
