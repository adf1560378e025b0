"""POST /add_worker: statuses and texts of the original, and nothing left behind by what fails."""

import threading
import time

import pytest

from support.fleet import Workbench
from support.limits import limit
from support.measurements import median, record
from support.ports import free_port
from support.raw_http import ask
from support.waiting import wait_for


def test_answers_the_originals_text_once_the_worker_is_healthy(bench: Workbench) -> None:
    worker, plane = bench.worker(), bench.control_plane()
    answer = plane.admin.add_worker(worker.url)
    assert (answer.status_code, answer.text) == (200, f"Successfully added worker: {worker.url}")
    assert answer.headers["content-type"].startswith("text/plain")
    assert plane.admin.urls() == [worker.url]


def test_a_missing_url_is_named(bench: Workbench) -> None:
    answer = bench.control_plane().admin.post("/add_worker")
    assert answer.status_code == 400
    assert answer.text == "Worker URL required. Provide 'url' query parameter"


def test_a_duplicate_is_refused_with_the_text_as_given(bench: Workbench) -> None:
    worker, plane = bench.worker(), bench.control_plane()
    plane.admin.add_worker(worker.url)
    before = plane.admin.version()
    for text in (worker.url, worker.url + "/", worker.url.replace("http", "HTTP")):
        answer = plane.admin.add_worker(text)
        assert (answer.status_code, answer.text) == (400, f"Worker {text} already exists")
    assert plane.admin.version() == before
    assert plane.admin.urls() == [worker.url]


def test_a_timeout_answers_the_originals_text_and_leaves_no_row(bench: Workbench) -> None:
    plane = bench.control_plane("--worker-startup-timeout-secs", 1)
    url = f"http://127.0.0.1:{free_port()}"
    started = time.monotonic()
    answer = plane.admin.add_worker(url)
    assert 0.9 < time.monotonic() - started < limit(3)
    assert answer.status_code == 400
    assert answer.text == (
        f"Timeout 1s waiting for worker {url} to become healthy. Please set --router-worker-startup-timeout-secs "
        "(sglang_router.launch_server) or --worker-startup-timeout-secs (sglang_worker.router) to a larger value"
    )
    assert plane.admin.urls() == []
    assert plane.rows("SELECT count(*) FROM worker") == [(0,)]


def test_waits_for_a_worker_that_becomes_healthy_late(bench: Workbench) -> None:
    worker, plane = bench.recording_worker(), bench.control_plane()
    worker.is_healthy = False
    threading.Timer(0.5, lambda: setattr(worker, "is_healthy", True)).start()
    started = time.monotonic()
    answer = plane.admin.add_worker(worker.url)
    assert answer.status_code == 200
    assert 0.4 < time.monotonic() - started < limit(5)


def test_wait_false_returns_at_once_and_stays_pending(bench: Workbench) -> None:
    plane = bench.control_plane("--worker-startup-timeout-secs", 1)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    started = time.monotonic()
    answer = plane.admin.add_worker(url, wait="false")
    assert time.monotonic() - started < limit(0.5)
    assert answer.status_code == 202
    body = answer.json()
    assert body["url"] == url and body["status"] == "pending"
    assert body["version"]["sequence"] == plane.admin.version()[1]
    assert plane.admin.worker(url)["state"] == "pending"
    # Longer than the start-up timeout, which is for callers that wait.
    time.sleep(1.3)
    assert plane.admin.urls() == [url]
    bench.worker(port=port)
    wait_for("the worker to be ready", lambda: plane.admin.worker(url)["state"] == "ready", limit(12))


def test_two_callers_for_one_worker_add_it_once(bench: Workbench) -> None:
    worker, plane = bench.recording_worker(), bench.control_plane()
    worker.is_healthy = False
    answers = []
    callers = [threading.Thread(target=lambda: answers.append(plane.admin.add_worker(worker.url))) for _ in range(4)]
    for caller in callers:
        caller.start()
    wait_for("the three that come too late to be refused", lambda: len(answers) == 3)
    worker.is_healthy = True
    for caller in callers:
        caller.join(20)
    assert sorted(answer.status_code for answer in answers) == [200, 400, 400, 400]
    assert plane.admin.urls() == [worker.url]
    assert len(plane.rows("SELECT id FROM audit WHERE subject LIKE ?", f"%{worker.port}%")) >= 1


def test_a_hanging_worker_delays_no_other(bench: Workbench) -> None:
    plane = bench.control_plane()
    hanging = bench.recording_worker(lambda connection, request: connection.wait_for_end(10) and False)
    hanging.is_probe = lambda request: False
    plane.admin.add_worker(hanging.url, wait="false")
    worker = bench.worker()
    started = time.monotonic()
    assert plane.admin.add_worker(worker.url).status_code == 200
    assert time.monotonic() - started < limit(1)


@pytest.mark.measured
def test_from_add_worker_to_the_first_routed_request_takes_under_50_ms(bench: Workbench) -> None:
    worker = bench.worker()
    plane, data_plane = bench.wired()
    times = []
    for _ in range(21):
        started = time.monotonic()
        assert plane.admin.add_worker(worker.url).status_code == 200
        body = b'{"model":"simulated","max_tokens":1,"messages":[{"role":"user","content":"hi"}]}'
        while ask(data_plane.port, "POST", "/v1/chat/completions", body).status != 200:
            assert time.monotonic() - started < 5
        times.append(time.monotonic() - started)
        assert plane.admin.remove_worker(worker.url).status_code == 200
        plane.admin.wait_until_applied(1)
    milliseconds = median(times) * 1000
    record("Adding a worker", "add_worker to first routed request, median of 21", milliseconds, "ms", "50",
           "admin/test_add_worker.py")
    assert milliseconds < limit(0.050) * 1000


def test_the_request_after_an_answer_finds_the_change(bench: Workbench) -> None:
    """As with the original: `curl .../add_worker && curl .../generate` works, and a removed worker gets nothing more."""
    worker, launch = bench.worker(), bench.launch(data_planes=2)
    body = b'{"model":"simulated","max_tokens":1,"messages":[{"role":"user","content":"hi"}]}'
    for _ in range(25):
        assert launch.admin.add_worker(worker.url).status_code == 200
        assert ask(launch.port, "POST", "/v1/chat/completions", body).status == 200
        assert launch.admin.remove_worker(worker.url).status_code == 200
        assert ask(launch.port, "POST", "/v1/chat/completions", body).status == 503
