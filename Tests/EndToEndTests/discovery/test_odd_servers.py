"""API servers, and what stands before them, that answer otherwise than they should."""

import json
import threading

import pytest
from prometheus_client.parser import text_string_to_metric_families

from support.fleet import ControlPlane, Workbench
from support.kubernetes_api import KubernetesAPI
from support.limits import limit
from support.ports import free_port
from support.raw_http import ask
from support.waiting import wait_for

FLAGS = ("--service-discovery", "--selector", "app=sglang", "--kubeconfig")


def start(bench: Workbench, api: KubernetesAPI, *flags: object) -> ControlPlane:
    return bench.control_plane(*FLAGS, api.kubeconfig(bench.folder / "config"), *flags)


def watch(plane: ControlPlane) -> dict:
    return plane.admin.get("/discovery").json()["watches"][0]


def workers(plane: ControlPlane) -> dict[str, dict]:
    return {worker["url"]: worker for worker in plane.admin.workers()}


def is_ready(plane: ControlPlane, url: str) -> bool:
    return workers(plane).get(url, {}).get("state") == "ready"


def begin_stream(handler: object) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()


def page(handler: object, text: str) -> bool:
    """What a proxy says that wants somebody to log in, or has nothing to say."""
    handler.send_response(200)
    handler.send_header("Content-Type", "text/html")
    handler.send_header("Content-Length", str(len(text)))
    handler.end_headers()
    handler.wfile.write(text.encode())
    return True


NO_LISTS = [
    "<html>Please log in</html>", '{"metadata":{},"error":"log in"}',
    '{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","code":503,"message":"later"}',
    '{"kind":"NodeList","apiVersion":"v1","metadata":{"resourceVersion":"1"},"items":[]}',
    '{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"1"}}',
]


def test_a_200_that_is_no_list_of_pods_removes_nobody(bench: Workbench, api: KubernetesAPI) -> None:
    worker = bench.recording_worker()
    api.apply("a", port=worker.port)
    plane = start(bench, api)
    wait_for("the worker", lambda: is_ready(plane, worker.url))
    incarnation = workers(plane)[worker.url]["incarnation"]
    for text in NO_LISTS:
        # A watch that has told something is no failure in a row.
        before = watch(plane)["last_event"]
        api.apply("a", port=worker.port)
        wait_for("the event", lambda: watch(plane)["last_event"] != before)
        api.intercept = lambda handler, query: "watch" not in query and page(handler, text)
        api.drop_watches()
        wait_for(f"the failure of {text}", lambda: "cannot be read" in (watch(plane)["failure"] or ""))
        assert workers(plane)[worker.url]["incarnation"] == incarnation
        api.intercept = lambda handler, query: False
        wait_for("no failure", lambda: watch(plane)["failure"] is None)
    assert workers(plane)[worker.url]["incarnation"] == incarnation


@pytest.mark.parametrize("text", ["", "<html>Please log in</html>"])
def test_watches_that_end_without_a_word_are_reported(bench: Workbench, api: KubernetesAPI, text: str) -> None:
    worker = bench.recording_worker()
    api.intercept = lambda handler, query: "watch" in query and page(handler, text)
    plane = start(bench, api)
    assert "end at once" in wait_for("the failure", lambda: watch(plane)["failure"])
    assert watch(plane)["state"] == "failing" and plane.log().count("Kubernetes cannot be watched") == 1
    api.intercept = lambda handler, query: False
    api.apply("a", port=worker.port)
    wait_for("the worker", lambda: worker.url in workers(plane))


def test_a_server_that_repeats_itself_is_not_asked_in_a_loop(bench: Workbench, api: KubernetesAPI) -> None:
    """Each watch says where it begins, and ends."""
    def repeat(handler: object, query: dict[str, str]) -> bool:
        if "watch" in query:
            begin_stream(handler)
            handler.event("BOOKMARK", {"kind": "Pod", "metadata": {"resourceVersion": query["resourceVersion"]}})
            handler.chunk(b"")
        return "watch" in query

    api.intercept = repeat
    plane = start(bench, api)
    wait_for("the failure", lambda: watch(plane)["failure"])
    assert sum("watch" in query for _, query in api.requests) <= 4


@pytest.mark.parametrize("code", [410, 500])
def test_an_error_ends_a_watch_whose_connection_does_not_end(bench: Workbench, api: KubernetesAPI, code: int) -> None:
    worker, told, over = bench.recording_worker(), threading.Event(), threading.Event()

    def fail(handler: object, query: dict[str, str]) -> bool:
        if "watch" not in query or told.is_set():
            return False
        begin_stream(handler)
        handler.event("ERROR", {"kind": "Status", "code": code, "message": "etcdserver: leader changed"})
        told.set()
        over.wait(limit(30))
        handler.close_connection = True
        return True

    api.intercept = fail
    plane = start(bench, api)
    wait_for("the error", told.is_set)
    api.apply("a", port=worker.port)
    try:
        wait_for("the worker", lambda: worker.url in workers(plane), limit(5))
    finally:
        over.set()


def test_a_list_whose_next_page_is_forgotten_begins_anew(bench: Workbench, api: KubernetesAPI) -> None:
    """Also a pod of the first page that is gone by then is none."""
    api.page_size = 2
    found = [bench.recording_worker() for _ in range(5)]
    for number, worker in enumerate(found):
        api.apply(f"pod-{number}", port=worker.port)
    refused = []

    def forget(handler: object, query: dict[str, str]) -> bool:
        if "continue" not in query or refused:
            return False
        refused.append(query["continue"])
        api.vanish("pod-0")
        handler.fail(410, "The provided continue parameter is too old")
        return True

    api.intercept = forget
    plane = start(bench, api)
    wait_for("the others", lambda: set(workers(plane)) == {worker.url for worker in found[1:]})
    assert watch(plane)["failure"] is None


def test_a_pod_that_comes_in_two_pages_is_one(bench: Workbench, api: KubernetesAPI) -> None:
    worker = bench.recording_worker()
    new = api.apply("a", port=worker.port)
    old = json.loads(json.dumps(new)) | {"status": {"phase": "Pending"}}
    old["metadata"]["resourceVersion"] = "7"

    def pages(handler: object, query: dict[str, str]) -> bool:
        if "watch" not in query:
            metadata = {"resourceVersion": str(api.version)} | ({} if "continue" in query else {"continue": "more"})
            item = old if "continue" in query else new
            handler.answer(200, {"kind": "PodList", "apiVersion": "v1", "metadata": metadata, "items": [item]})
        return "watch" not in query

    api.intercept = pages
    plane = start(bench, api)
    wait_for("the worker", lambda: is_ready(plane, worker.url))
    assert len(plane.admin.get("/discovery").json()["pods"]) == 1


def test_a_name_that_is_used_again_between_list_and_watch(bench: Workbench, api: KubernetesAPI) -> None:
    old, new = bench.recording_worker(), bench.recording_worker()
    api.apply("a", uid="old", port=old.port)
    replaced = threading.Event()

    def replace(handler: object, query: dict[str, str]) -> bool:
        if "watch" in query and not replaced.is_set():
            replaced.set()
            api.delete("a")
            api.apply("a", uid="new", port=new.port)
        return False

    api.intercept = replace
    plane = start(bench, api)
    wait_for("the successor alone", lambda: set(workers(plane)) == {new.url})
    [pod] = plane.admin.get("/discovery").json()["pods"]
    assert (pod["uid"], pod["state"]) == ("new", "worker")


def test_an_event_that_is_cut_inside_of_characters(bench: Workbench, api: KubernetesAPI) -> None:
    worker, told = bench.recording_worker(), threading.Event()

    def bytewise(handler: object, query: dict[str, str]) -> bool:
        if "watch" not in query or told.is_set():
            return False
        pod = api.apply("a", port=worker.port, annotations={"signalbox.dev/model": "模型/😀"})
        begin_stream(handler)
        for byte in json.dumps({"type": "ADDED", "object": pod}, ensure_ascii=False).encode() + b"\r\n\n":
            handler.chunk(bytes([byte]))
        told.set()
        handler.chunk(b"")
        return True

    api.intercept = bytewise
    plane = start(bench, api)
    wait_for("the worker", lambda: workers(plane)[worker.url]["model_id"] == "模型/😀")
    assert watch(plane)["errors"] == 0


def test_versions_that_go_back_hide_nothing(bench: Workbench, api: KubernetesAPI) -> None:
    """The API server's database was restored from a copy: what it tells now is so, however it counts."""
    stays, held, ends = (bench.recording_worker() for _ in range(3))
    api.version = 5_000
    for name, worker in (("stays", stays), ("held", held), ("ends", ends)):
        api.apply(name, port=worker.port)
    plane = start(bench, api)
    wait_for("the workers", lambda: all(is_ready(plane, worker.url) for worker in (stays, held, ends)))
    api.version, api.events = 3_000, []
    api.apply("held", port=held.port, ready=False)
    api.apply("ends", port=ends.port, terminating=True)
    api.drop_watches()
    wait_for("the pod that is not ready", lambda: workers(plane)[held.url]["state"] == "unhealthy")
    wait_for("the end of the other one", lambda: ends.url not in workers(plane))
    assert is_ready(plane, stays.url)


def test_pods_that_say_nonsense_harm_no_other_one(bench: Workbench, api: KubernetesAPI) -> None:
    nonsense = {
        "weight": ["1e3", " 5", "-1", "9" * 40, ""], "port": ["http", "80;81", "0", "65536", ""],
        "role": ["Prefill", "router"], "model": ["", "x" * 100_000],
    }
    odd = ['a\nb"\\{}', "😀\u202e"]
    for setting, values in nonsense.items():
        for number, value in enumerate(values):
            api.apply(f"{setting}-{number}", port=None if setting == "port" else 9,
                      annotations={f"signalbox.dev/{setting}": value})
    for number, value in enumerate(odd):
        api.apply(f"odd-{number}", port=10 + number, annotations={"signalbox.dev/model": value})
    worker, metrics = bench.recording_worker(), free_port()
    api.apply("good", port=worker.port)
    plane = start(bench, api, "--prometheus-port", metrics)
    wait_for("the good one", lambda: is_ready(plane, worker.url))
    pods = {pod["name"]: pod for pod in plane.admin.get("/discovery").json()["pods"]}
    for setting, values in nonsense.items():
        for number in range(len(values)):
            pod = pods[f"{setting}-{number}"]
            assert pod["state"] == "excluded" and f"signalbox.dev/{setting}" in pod["reason"], pod
            assert len(pod["reason"]) < 200
    assert {workers(plane)[f"http://127.0.0.1:{10 + number}"]["model_id"] for number in range(2)} == set(odd)
    assert list(text_string_to_metric_families(ask(metrics, "GET", "/metrics").body.decode()))


def test_pods_that_share_an_address(bench: Workbench, api: KubernetesAPI) -> None:
    """With the network of their node, and with addresses of both families."""
    first, second = bench.recording_worker(), bench.recording_worker()
    api.apply("first", port=first.port)["status"]["podIPs"] = [{"ip": "127.0.0.1"}, {"ip": "fd00::1"}]
    api.apply("second", port=second.port)["spec"]["hostNetwork"] = True
    api.apply("newer", port=second.port)
    plane = start(bench, api)
    wait_for("two workers", lambda: is_ready(plane, first.url) and is_ready(plane, second.url))
    assert set(workers(plane)) == {first.url, second.url}
    assert workers(plane)[second.url]["pod"]["name"] == "newer"
    # Whoever waits for the address gets it in the end.
    api.apply("newer", port=second.port, terminating=True)
    wait_for("the older one", lambda: workers(plane)[second.url]["pod"]["name"] == "second")
