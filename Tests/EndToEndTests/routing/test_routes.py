"""Which paths the data port answers, and what it asks which worker."""

import json
import time

import pytest

from support.fleet import DataPlane, Workbench
from support.limits import limit
from support.ports import free_port
from support.raw_http import RawConnection, ask
from support.recording_worker import RecordingWorker, response_bytes
from support.waiting import wait_for

POSTS = ("/generate", "/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/rerank", "/rerank",
         "/v1/responses", "/v1/messages", "/v1/classify", "/v1/something/new")
TO_FIRST = ("/get_server_info", "/get_model_info", "/health_generate")


@pytest.fixture(scope="module")
def two_workers():
    bench = Workbench()
    try:
        workers = [bench.recording_worker(), bench.recording_worker(model="other")]
        workers[1].models.append({"id": "recorded", "object": "model", "owned_by": "second", "max_model_len": 1})
        _, proxy = bench.wired(*(worker.url for worker in workers))
        yield proxy, workers
    finally:
        problems = bench.close()
    assert not problems, problems


Pair = tuple[DataPlane, list[RecordingWorker]]


@pytest.mark.parametrize("path", POSTS)
def test_a_post_goes_to_a_worker_with_its_path_and_query(two_workers: Pair, path: str) -> None:
    proxy, workers = two_workers
    before = sum(len(worker.routed(path)) for worker in workers)
    answer = ask(proxy.port, "POST", f"{path}?a=b%20c", b'{"model":"recorded"}')
    assert answer.status == 200, answer.body
    requests = [request for worker in workers for request in worker.routed(path)]
    assert len(requests) == before + 1
    assert requests[-1].target == f"{path}?a=b%20c" and requests[-1].method == "POST"


@pytest.mark.parametrize("path", TO_FIRST)
def test_informing_gets_go_to_the_first_worker(two_workers: Pair, path: str) -> None:
    proxy, workers = two_workers
    for _ in range(3):
        answer = ask(proxy.port, "GET", path)
        assert answer.status == 200
        assert json.loads(answer.body).get("worker", workers[0].port) == workers[0].port
    assert not workers[1].routed(path)


def test_models_are_the_union_of_the_workers_cards_as_given(two_workers: Pair) -> None:
    proxy, workers = two_workers
    answer = ask(proxy.port, "GET", "/v1/models")
    body = json.loads(answer.body)
    assert answer.status == 200 and body["object"] == "list"
    assert answer.header("content-type").startswith("application/json")
    cards = {card["id"]: card for card in body["data"]}
    assert sorted(cards) == ["other", "recorded"] and len(body["data"]) == 2
    assert cards["recorded"] == workers[0].models[0], "the first worker's card counts"
    assert cards["other"]["max_model_len"] == 4096


@pytest.mark.parametrize("path", ["/health", "/liveness", "/readiness"])
def test_the_data_plane_answers_for_itself(two_workers: Pair, path: str) -> None:
    assert ask(two_workers[0].port, "GET", path).status == 200


@pytest.mark.parametrize("path", ["/", "/no_such_path", "/v2/chat/completions", "/generate/more", "/Generate"])
def test_an_unknown_path_is_404_and_the_connection_stays(two_workers: Pair, path: str) -> None:
    with RawConnection(two_workers[0].port) as connection:
        assert connection.ask("POST", path, b"some body").status == 404
        assert connection.ask("GET", path).status == 404
        assert connection.ask("GET", "/health").status == 200


@pytest.mark.parametrize(("method", "path"), [("GET", "/generate"), ("DELETE", "/v1/chat/completions"),
                                              ("POST", "/health"), ("PUT", "/get_server_info")])
def test_a_wrong_method_is_405_and_says_which_is_right(two_workers: Pair, method: str, path: str) -> None:
    answer = ask(two_workers[0].port, method, path, b"")
    assert answer.status == 405
    assert answer.header("allow")


def test_a_data_plane_by_itself_forwards_no_admin_request(two_workers: Pair) -> None:
    proxy, _ = two_workers
    for path in ("/add_worker?url=http://127.0.0.1:1", "/remove_worker?url=http://127.0.0.1:1", "/flush_cache", "/workers"):
        assert ask(proxy.port, "POST", path, b"").status == 403
    for path in ("/list_workers", "/workers", "/data_planes", "/get_loads", "/audit", "//workers", "/./workers", "/%77orkers"):
        assert ask(proxy.port, "GET", path).status in (400, 403, 404), path


def test_a_model_goes_only_to_workers_that_serve_it(bench: Workbench) -> None:
    workers = [bench.recording_worker(model="red"), bench.recording_worker(model="blue")]
    _, proxy = bench.wired(*(worker.url for worker in workers))
    for _ in range(6):
        assert ask(proxy.port, "POST", "/v1/completions", b'{"model":"blue","prompt":"x"}').status == 200
    assert (len(workers[0].routed("/v1/completions")), len(workers[1].routed("/v1/completions"))) == (0, 6)


@pytest.mark.parametrize("types", [
    (), ("application/octet-stream",), ("application/json", "text/html"), ("application/json, text/html",),
], ids=["no type", "another type", "two types", "a list of types"])
def test_two_models_in_one_body_are_refused_whatever_its_type(bench: Workbench, types: tuple[str, ...]) -> None:
    workers = [bench.recording_worker(model="red"), bench.recording_worker(model="blue")]
    _, proxy = bench.wired(*(worker.url for worker in workers))
    body = b'{"model":"red","prompt":"x","model":"blue"}'
    fields = "".join(f"Content-Type: {value}\r\n" for value in types)
    with RawConnection(proxy.port, timeout=limit(5)) as client:
        client.send(f"POST /v1/completions HTTP/1.1\r\nHost: t\r\n{fields}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        answer = client.read_response()
    assert answer.status == 400 and "two 'model' keys" in json.loads(answer.body)["error"]["message"]
    assert not any(worker.routed("/v1/completions") for worker in workers)


def test_a_model_that_none_of_different_workers_serves_is_refused(bench: Workbench) -> None:
    workers = [bench.recording_worker(model="red"), bench.recording_worker(model="blue")]
    _, proxy = bench.wired(*(worker.url for worker in workers))
    answer = ask(proxy.port, "POST", "/v1/completions", b'{"model":"green","prompt":"x"}')
    assert answer.status == 404 and "model" in json.loads(answer.body)["error"]["message"]


def test_without_a_worker_the_answer_is_503_in_the_openai_shape(bench: Workbench) -> None:
    _, proxy = bench.wired()
    with RawConnection(proxy.port) as connection:
        for path in ("/v1/chat/completions", "/generate", "/v1/embeddings"):
            answer = connection.ask("POST", path, b'{"model":"any","messages":[]}')
            assert answer.status == 503
            assert int(answer.header("retry-after")) >= 1
            error = json.loads(answer.body)["error"]
            assert error["message"] and error["type"] and "code" in error
        for path in TO_FIRST:
            assert connection.ask("GET", path).status == 503
        models = connection.ask("GET", "/v1/models")
        assert models.status == 503 or json.loads(models.body)["data"] == []
        assert connection.ask("GET", "/readiness").status == 503
        assert connection.ask("GET", "/health").status == 200
        assert connection.ask("GET", "/liveness").status == 200


def test_a_request_waits_for_a_worker_that_is_still_pending(bench: Workbench) -> None:
    plane, proxy = bench.wired()
    port = free_port()
    plane.admin.add_worker(f"http://127.0.0.1:{port}", wait="false")
    plane.admin.wait_until_applied(1)
    with RawConnection(proxy.port) as connection:
        body = b'{"model":"simulated","max_tokens":1,"messages":[{"role":"user","content":"hi"}]}'
        connection.send(b"POST /v1/chat/completions HTTP/1.1\r\nHost: t\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        wait_for("the request to be counted", lambda: any(entry["requests"] for entry in plane.admin.data_planes()))
        bench.worker(port=port)
        assert connection.read_response().status == 200


def test_the_wait_for_a_pending_worker_ends_with_503(bench: Workbench) -> None:
    plane, proxy = bench.wired()
    assert plane.admin.client.patch("/settings", json={"queue_timeout_milliseconds": 500}).status_code in (200, 202)
    plane.admin.add_worker(f"http://127.0.0.1:{free_port()}", wait="false")
    plane.admin.wait_until_applied(1)
    started = time.monotonic()
    answer = ask(proxy.port, "POST", "/generate", b"{}")
    waited = time.monotonic() - started
    assert answer.status == 503 and answer.header("retry-after")
    assert 0.4 < waited < limit(2)


def test_an_error_of_the_worker_is_relayed(bench: Workbench) -> None:
    def respond(connection, request) -> None:
        connection.send(response_bytes({"error": {"message": "too long"}}, status="422 Too Long"))

    worker = bench.recording_worker(respond)
    _, proxy = bench.wired(worker.url)
    answer = ask(proxy.port, "POST", "/v1/completions", b'{"model":"recorded"}')
    assert answer.status == 422 and json.loads(answer.body) == {"error": {"message": "too long"}}
