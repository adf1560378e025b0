"""The API server of these tests speaks the protocol: clients that are not ours understand it."""

import json
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from kubernetes import client, config, watch

from support.fleet import Workbench
from support.kubernetes_api import KubernetesAPI
from support.limits import limit
from support.waiting import wait_for


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[KubernetesAPI]:
    api = KubernetesAPI(tmp_path)
    yield api
    api.stop()


def test_kubectl_lists_and_watches(bench: Workbench, secure: KubernetesAPI) -> None:
    secure.page_size = 2
    for name in "abcde":
        secure.apply(name, port=1)
    settings = secure.kubeconfig(bench.folder / "config")
    command = ["kubectl", "--kubeconfig", settings, "--cache-dir", bench.folder / "cache", "get", "pods", "-l", "app=sglang"]
    shown = subprocess.run([*command, "-o", "json", "--chunk-size=2"], capture_output=True, text=True, timeout=limit(30))
    assert shown.returncode == 0, shown.stderr
    assert [item["metadata"]["name"] for item in json.loads(shown.stdout)["items"]] == list("abcde")
    child = subprocess.Popen([*command, "-w", "-o", "name"], stdout=subprocess.PIPE, text=True)
    lines: list[str] = []
    reader = threading.Thread(target=lambda: lines.extend(iter(child.stdout.readline, "")), daemon=True)
    reader.start()
    try:
        wait_for("the watch", lambda: secure.watches >= 1, limit(20))
        secure.apply("late", port=1)
        secure.apply("a", port=1, ready=False)
        secure.delete("b")
        wait_for("the events", lambda: [line.strip() for line in lines[-3:]] == ["pod/late", "pod/a", "pod/b"], limit(20))
        assert [line.strip() for line in lines[:-3]] == [f"pod/{name}" for name in "abcde"]
    finally:
        child.kill()
        child.wait()


def test_the_official_client_lists_and_watches(bench: Workbench, secure: KubernetesAPI) -> None:
    secure.apply("a", port=8000, annotations={"signalbox.dev/model": "m"})
    config.load_kube_config(str(secure.kubeconfig(bench.folder / "config")))
    pods = client.CoreV1Api()
    listed = pods.list_pod_for_all_namespaces(label_selector="app=sglang")
    assert [pod.metadata.name for pod in listed.items] == ["a"] and listed.items[0].status.phase == "Running"
    assert not pods.list_namespaced_pod("elsewhere").items
    events = watch.Watch().stream(pods.list_pod_for_all_namespaces, label_selector="app=sglang",
                                  resource_version=listed.metadata.resource_version, timeout_seconds=int(limit(20)))
    secure.apply("b", port=8000)
    secure.delete("a")
    seen = [(event["type"], event["object"].metadata.name) for _, event in zip(range(2), events)]
    assert seen == [("ADDED", "b"), ("DELETED", "a")]
    secure.token = "another"
    with pytest.raises(client.ApiException) as refusal:
        pods.list_pod_for_all_namespaces()
    assert refusal.value.status == 401


def test_the_official_client_is_told_of_what_is_forgotten(bench: Workbench, secure: KubernetesAPI) -> None:
    secure.page_size = 1
    for name in "abc":
        secure.apply(name, port=1)
    config.load_kube_config(str(secure.kubeconfig(bench.folder / "config")))
    pods = client.CoreV1Api()
    first = pods.list_pod_for_all_namespaces(limit=1)
    second = pods.list_pod_for_all_namespaces(limit=1, _continue=first.metadata._continue)
    assert [page.items[0].metadata.name for page in (first, second)] == ["a", "b"]
    with pytest.raises(client.ApiException) as refusal:
        pods.list_pod_for_all_namespaces(limit=1, _continue=first.metadata._continue)
    assert refusal.value.status == 410
    secure.forget()
    with pytest.raises(client.ApiException) as forgotten:
        for _ in watch.Watch().stream(pods.list_pod_for_all_namespaces, resource_version="1", timeout_seconds=5):
            pass
    assert forgotten.value.status == 410
