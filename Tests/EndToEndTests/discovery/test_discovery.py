"""Pods become workers when they are ready, and stop being workers the moment they are not."""

import json
import signal
import time
from datetime import datetime

import pytest

from support.fleet import ControlPlane, DataPlane, Workbench
from support.kubernetes_api import KubernetesAPI
from support.limits import limit
from support.ports import free_port
from support.raw_http import ask
from support.waiting import wait_for

FLAGS = ("--service-discovery", "--selector", "app=sglang")


def start(bench: Workbench, api: KubernetesAPI, *flags: object, **options: object) -> ControlPlane:
    config = api.kubeconfig(bench.folder / "kubeconfig")
    return bench.control_plane(*FLAGS, "--kubeconfig", config, *flags, **options)


def pod(plane: ControlPlane, name: str) -> dict:
    """What discovery says of a pod; empty when it says nothing."""
    pods = plane.admin.get("/discovery").json()["pods"]
    return next((pod for pod in pods if pod["name"] == name), {})


def workers(plane: ControlPlane) -> dict[str, dict]:
    return {worker["url"]: worker for worker in plane.admin.workers()}


def wait_for_state(plane: ControlPlane, url: str, state: str) -> dict:
    return wait_for(f"{url} to be {state}", lambda: (
        worker if (worker := workers(plane).get(url, {})).get("state") == state else None))


def wait_gone(plane: ControlPlane, url: str) -> None:
    wait_for(f"{url} to be gone", lambda: url not in workers(plane))


def listed(plane: ControlPlane) -> bool:
    watches = plane.admin.get("/discovery").json()["watches"]
    return bool(watches) and all(watch["last_list"] for watch in watches)


def generate(plane: DataPlane) -> int:
    return ask(plane.port, "POST", "/generate", b'{"text":"x"}', {"Content-Type": "application/json"}).status


def test_a_ready_pod_gets_requests_and_a_terminating_one_none(bench: Workbench, api: KubernetesAPI) -> None:
    first, second = bench.recording_worker(), bench.recording_worker()
    api.apply("a", port=first.port)
    api.apply("b", port=second.port, ready=False)
    plane = start(bench, api)
    proxy = bench.data_plane(plane.control_socket)
    bench.wait_ready(proxy)
    assert pod(plane, "b")["state"] == "excluded" and "Ready" in pod(plane, "b")["reason"]
    assert first.url in workers(plane) and second.url not in workers(plane)

    api.apply("b", port=second.port)
    wait_for("the ready pod to be routed to", lambda: generate(proxy) == 200 and second.routed("/generate"))
    api.apply("a", port=first.port, terminating=True)
    wait_gone(plane, first.url)
    rows = plane.rows("SELECT actor, action, subject, after FROM audit WHERE action LIKE 'worker.%' ORDER BY id")
    added = [row for row in rows if row[1] == "worker.added"]
    assert {row[0] for row in added} == {"kubernetes"}
    draining = next(row for row in rows if row[1] == "worker.draining")
    assert draining[0] == "kubernetes" and "default/a" in json.loads(draining[3])["reason"]


@pytest.mark.parametrize("change", ["deleted", "terminating", "label", "failed", "succeeded"])
def test_what_is_no_worker_any_more_is_removed(bench: Workbench, api: KubernetesAPI, change: str) -> None:
    worker = bench.recording_worker()
    api.apply("a", port=worker.port)
    plane = start(bench, api)
    wait_for_state(plane, worker.url, "ready")
    match change:
        case "deleted":
            api.delete("a")
        case "terminating":
            api.apply("a", port=worker.port, terminating=True)
        case "label":
            api.apply("a", port=worker.port, labels={"app": "other"})
        case "failed" | "succeeded":
            api.apply("a", port=worker.port, phase=change.capitalize(), ready=False)
    wait_gone(plane, worker.url)
    if change in ("deleted", "label"):
        assert pod(plane, "a") == {}
    else:
        assert pod(plane, "a")["state"] == "excluded"


def test_a_short_flap_keeps_the_registration_and_a_long_one_ends_it(bench: Workbench, api: KubernetesAPI) -> None:
    worker, other = bench.recording_worker(), bench.recording_worker()
    api.apply("a", port=worker.port)
    api.apply("b", port=other.port)
    plane = start(bench, api, "--service-discovery-flap-secs", 2)
    proxy = bench.data_plane(plane.control_socket)
    incarnation = wait_for_state(plane, worker.url, "ready")["incarnation"]
    wait_for_state(plane, other.url, "ready")
    plane.admin.wait_until_applied(1)

    api.apply("a", port=worker.port, ready=False)
    held = wait_for_state(plane, worker.url, "unhealthy")
    assert "Ready is not True" in held["reason"] and pod(plane, "a")["state"] == "held"
    wait_for("the data plane to know", lambda: generate(proxy) == 200 and len(other.routed("/generate")) > 3)
    before = len(worker.routed("/generate"))
    assert [generate(proxy) for _ in range(6)] == [200] * 6
    assert len(worker.routed("/generate")) == before

    api.apply("a", port=worker.port)
    assert wait_for_state(plane, worker.url, "ready")["incarnation"] == incarnation

    api.apply("a", port=worker.port, ready=False)
    wait_gone(plane, worker.url)
    api.apply("a", port=worker.port)
    assert wait_for_state(plane, worker.url, "ready")["incarnation"] != incarnation


def test_a_late_event_of_an_old_pod_does_not_touch_its_successor(bench: Workbench, api: KubernetesAPI) -> None:
    worker = bench.recording_worker()
    old = api.apply("a", uid="old", port=worker.port)
    plane = start(bench, api)
    first = wait_for_state(plane, worker.url, "ready")
    # The same name and the same address, another pod.
    api.apply("a", uid="new", port=worker.port)
    second = wait_for("the successor", lambda: (
        found if (found := workers(plane).get(worker.url, {})).get("incarnation") not in (None, first["incarnation"])
        and found["state"] == "ready" else None))
    assert second["pod"]["uid"] == "new"
    for kind in ("MODIFIED", "DELETED"):
        api.tell(kind, json.loads(json.dumps(old)) | {"status": old["status"] | {"conditions": []}})
    marker = bench.recording_worker()
    api.apply("marker", port=marker.port)
    wait_for_state(plane, marker.url, "ready")
    assert workers(plane)[worker.url]["incarnation"] == second["incarnation"]


def test_workers_added_by_hand_are_left_alone(bench: Workbench, api: KubernetesAPI) -> None:
    by_hand, found = bench.recording_worker(), bench.recording_worker()
    api.apply("same", port=by_hand.port)
    api.apply("other", port=found.port)
    plane = bench.control_plane()
    assert plane.admin.add_worker(by_hand.url).status_code == 200
    identity = workers(plane)[by_hand.url]["id"]
    plane.signal(signal.SIGTERM)
    plane.child.wait(10)
    plane = start(bench, api, runtime_folder=plane.runtime_folder, database=plane.database)
    wait_for_state(plane, found.url, "ready")
    assert workers(plane)[by_hand.url] | {"id": identity, "source": "api"} == workers(plane)[by_hand.url]
    assert workers(plane)[found.url]["source"] == "kubernetes"
    assert "registered otherwise" in pod(plane, "same")["reason"]
    api.delete("same")
    api.delete("other")
    wait_gone(plane, found.url)
    assert by_hand.url in workers(plane)


def test_what_was_missed_is_found_by_a_fresh_list(bench: Workbench, api: KubernetesAPI) -> None:
    kept, gone, late = (bench.recording_worker() for _ in range(3))
    api.apply("kept", port=kept.port)
    api.apply("gone", port=gone.port)
    plane = start(bench, api)
    incarnation = wait_for_state(plane, kept.url, "ready")["incarnation"]
    wait_for_state(plane, gone.url, "ready")
    lists = api.lists()
    api.vanish("gone")
    api.forget()
    wait_gone(plane, gone.url)
    assert api.lists() == lists + 1
    # Nor is a broken connection trusted to have told everything.
    api.is_mute = True
    api.apply("late", port=late.port)
    api.drop_watches()
    wait_for_state(plane, late.url, "ready")
    assert api.lists() == lists + 2
    assert workers(plane)[kept.url]["incarnation"] == incarnation


def test_a_silent_watch_is_renewed(bench: Workbench, api: KubernetesAPI) -> None:
    worker = bench.recording_worker()
    plane = start(bench, api, "--service-discovery-silence-secs", 1)
    wait_for("the first watch", lambda: api.watches >= 1)
    api.is_mute = True
    api.apply("a", port=worker.port)
    wait_for("another watch", lambda: api.watches >= 2)
    api.is_mute = False
    wait_for_state(plane, worker.url, "ready")


def test_a_watch_that_stays_mute_is_reported(bench: Workbench, api: KubernetesAPI) -> None:
    worker = bench.recording_worker()
    api.is_mute = True
    plane = start(bench, api, "--service-discovery-silence-secs", 1)
    wait_for("the failure to be told", lambda: "Kubernetes cannot be watched" in plane.log(), limit(30))
    assert plane.admin.get("/discovery").json()["watches"][0]["state"] == "failing"
    api.is_mute, api.bookmark_seconds = False, 0.2
    api.apply("a", port=worker.port)
    wait_for_state(plane, worker.url, "ready")
    wait_for("the failure to be over",
             lambda: plane.admin.get("/discovery").json()["watches"][0]["state"] == "watching", limit(30))


def test_bookmarks_keep_a_watch_alive(bench: Workbench, api: KubernetesAPI) -> None:
    api.bookmark_seconds = 0.2
    plane = start(bench, api, "--service-discovery-silence-secs", 1)
    wait_for("the watch", lambda: api.watches == 1)
    first = wait_for("a bookmark", lambda: plane.admin.get("/discovery").json()["watches"][0]["last_event"])
    wait_for("later bookmarks", lambda: (
        time.time() > api_time(first) + 2.5 and plane.admin.get("/discovery").json()["watches"][0]["last_event"] > first))
    assert api.watches == 1


def api_time(text: str) -> float:
    from datetime import datetime
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def test_the_absence_of_the_api_server_changes_nothing(bench: Workbench, api: KubernetesAPI) -> None:
    kept, gone = bench.recording_worker(), bench.recording_worker()
    api.apply("kept", port=kept.port)
    api.apply("gone", port=gone.port)
    metrics = free_port()
    plane = start(bench, api, "--prometheus-port", metrics)
    proxy = bench.data_plane(plane.control_socket)
    incarnation = wait_for_state(plane, kept.url, "ready")["incarnation"]
    wait_for_state(plane, gone.url, "ready")
    plane.admin.wait_until_applied(1)

    def series(name: str) -> str:
        page = ask(metrics, "GET", "/metrics").body.decode()
        return next(line.split(" ")[1] for line in page.splitlines() if line.startswith(name))

    assert series('signalbox_discovery_up{role="regular"}') == "1"
    assert series('signalbox_discovery_pods{state="worker"}') == "2"
    api.answer_status = 503
    api.drop_watches()
    wait_for("the failure to show", lambda: series('signalbox_discovery_up{role="regular"}') == "0")
    assert "503" in plane.admin.get("/discovery").json()["watches"][0]["failure"]
    assert [generate(proxy) for _ in range(8)] == [200] * 8
    # A control plane that starts meanwhile keeps them, too.
    plane.signal(signal.SIGKILL)
    plane.child.wait(10)
    api.vanish("gone")
    plane = start(bench, api, "--prometheus-port", metrics, runtime_folder=plane.runtime_folder, database=plane.database)
    wait_for("the failure to show", lambda: plane.admin.get("/discovery").json()["watches"][0]["failure"])
    assert set(workers(plane)) == {kept.url, gone.url}
    api.answer_status = None
    wait_gone(plane, gone.url)
    assert workers(plane)[kept.url]["incarnation"] == incarnation
    assert series('signalbox_discovery_up{role="regular"}') == "1"
    api.drop_watches()
    wait_for("another watch", lambda: series('signalbox_discovery_watch_restarts_total{role="regular"}') != "0")
    # The series say what the admin API says.
    told = plane.admin.get("/discovery").json()["watches"][0]
    assert int(series('signalbox_discovery_watch_restarts_total{role="regular"}')) == told["restarts"] >= 1
    assert int(series('signalbox_discovery_errors_total{role="regular"}')) == told["errors"] >= 1
    for field, name in (("last_list", "list"), ("last_event", "event")):
        shown = float(series(f'signalbox_discovery_last_{name}_timestamp_seconds{{role="regular"}}'))
        said = datetime.fromisoformat(told[field]).timestamp() if told[field] else 0
        assert abs(shown - said) <= 1, name
    logs = plane.log()
    assert logs.count("Kubernetes cannot be watched") == 1, "one line for one failure, however often it is tried"


def test_lists_come_in_pages(bench: Workbench, api: KubernetesAPI) -> None:
    api.page_size = 100
    for number in range(1_050):
        api.apply(f"pod-{number}", address=f"127.1.{number // 250}.{number % 250 + 1}", port=9)
    plane = start(bench, api)
    wait_for("all pods", lambda: len(workers(plane)) == 1_050, seconds=limit(30))
    pages = [query for _, query in api.requests if "watch" not in query]
    assert len(pages) == 11 and sum("continue" in query for query in pages) == 10


def test_without_discovery_its_workers_go(bench: Workbench, api: KubernetesAPI) -> None:
    worker = bench.recording_worker()
    api.apply("a", port=worker.port)
    plane = start(bench, api)
    wait_for_state(plane, worker.url, "ready")
    plane.signal(signal.SIGTERM)
    plane.child.wait(10)
    plane = bench.control_plane(runtime_folder=plane.runtime_folder, database=plane.database)
    wait_gone(plane, worker.url)
    assert plane.admin.get("/discovery").json()["enabled"] is False


def test_an_empty_selector_matches_nothing_and_says_so(bench: Workbench, api: KubernetesAPI) -> None:
    api.apply("a", port=1)
    plane = bench.control_plane("--service-discovery", "--kubeconfig", api.kubeconfig(bench.folder / "config"))
    wait_for("the warning", lambda: "matches no pod" in plane.log())
    assert plane.admin.get("/discovery").json()["watches"] == [] and not api.requests


def test_pods_say_what_they_are(bench: Workbench, api: KubernetesAPI) -> None:
    regular, prefill, both = (bench.recording_worker() for _ in range(3))
    api.apply("regular", address="127.0.0.1", ports={"api": regular.port},
              annotations={"signalbox.dev/model": "tuned", "signalbox.dev/weight": "7"})
    api.apply("prefill", labels={"component": "prefill"}, ports={"api": prefill.port},
              annotations={"sglang.ai/bootstrap-port": "8998"})
    api.apply("both", labels={"component": "prefill", "stage": "decode"}, ports={"api": both.port},
              annotations={"sglang.ai/bootstrap-port": "90000"})
    api.apply("portless")
    api.apply("heavy", ports={"api": 81}, annotations={"signalbox.dev/weight": "1001"})
    api.apply("six", address="fd00::7", annotations={"signalbox.dev/port": "8000"})
    plane = start(bench, api, "--service-discovery-port-name", "api", "--prefill-selector", "component=prefill",
                  "--decode-selector", "stage in (decode, both)")
    proxy = bench.data_plane(plane.control_socket)
    found = wait_for_state(plane, regular.url, "ready")
    assert (found["model_id"], found["weight"], found["worker_type"]) == ("tuned", 7, "regular")
    assert found["labels"] == {"kubernetes.namespace": "default", "kubernetes.pod": "regular"}
    wait_for_state(plane, prefill.url, "ready")
    wait_for_state(plane, both.url, "ready")
    assert (workers(plane)[prefill.url]["worker_type"], workers(plane)[prefill.url]["bootstrap_port"]) == ("prefill", 8998)
    assert (workers(plane)[both.url]["worker_type"], workers(plane)[both.url]["bootstrap_port"]) == ("prefill", None)
    assert "http://[fd00::7]:8000" in workers(plane)
    assert "'api'" in pod(plane, "portless")["reason"] and "1001" in pod(plane, "heavy")["reason"]
    # Workers for one half of the work take none yet.
    plane.admin.wait_until_applied(1)
    assert [generate(proxy) for _ in range(8)] == [200] * 8
    assert len(regular.routed("/generate")) == 8
    # A weight changes in place.
    api.apply("regular", address="127.0.0.1", ports={"api": regular.port},
              annotations={"signalbox.dev/model": "tuned", "signalbox.dev/weight": "3"})
    wait_for("the weight", lambda: workers(plane)[regular.url]["weight"] == 3)
    assert workers(plane)[regular.url]["incarnation"] == found["incarnation"]


def test_only_the_namespace_is_asked_for(bench: Workbench, api: KubernetesAPI) -> None:
    here, there = bench.recording_worker(), bench.recording_worker()
    api.apply("a", namespace="here", port=here.port)
    api.apply("b", namespace="there", port=there.port)
    plane = start(bench, api, "--service-discovery-namespace", "here")
    wait_for_state(plane, here.url, "ready")
    assert set(workers(plane)) == {here.url}
    assert {path for path, _ in api.requests} == {"/api/v1/namespaces/here/pods"}
    assert {query["labelSelector"] for _, query in api.requests} == {"app=sglang"}


def test_launch_and_the_original_names_of_flags(bench: Workbench, api: KubernetesAPI) -> None:
    worker = bench.recording_worker()
    api.apply("a", port=worker.port)
    router = bench.launch(*FLAGS, "role=inference", "--kubeconfig", api.kubeconfig(bench.folder / "config"))
    api.apply("a", port=worker.port, labels={"app": "sglang", "role": "inference"})
    wait_for_state(router, worker.url, "ready")
    wait_for("a routed request", lambda: generate(router) == 200)


@pytest.mark.parametrize("flags, said", [
    (("--selector", "a=b"), "--service-discovery"),
    (("--service-discovery", "--selector", "a=b=c"), "--selector"),
    (("--service-discovery", "--selector", "-x=1"), "--selector"),
    (("--service-discovery", "--selector", "a in b"), "--selector"),
    (("--service-discovery", "--service-discovery-port", "0"), "--service-discovery-port"),
    (("--service-discovery", "--service-discovery-namespace", "a/b"), "--service-discovery-namespace"),
])
def test_bad_flags_are_named(bench: Workbench, flags: tuple[str, ...], said: str) -> None:
    plane = bench.control_plane(*flags, wait=False)
    assert plane.child.wait(10) == 64
    assert said in plane.log()
