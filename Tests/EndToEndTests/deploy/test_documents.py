"""docs/kubernetes.md says what is so: its kustomization, its Helm command, its flags, names and folders."""

import json
import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml

from support.fleet import PROJECT, Workbench
from support.kubernetes_api import KubernetesAPI
from support.manifested_router import start
from support.manifests import KUBERNETES, Manifests, flags_of_launch, helm_objects, kustomize, objects_of
from support.waiting import wait_for

DOCUMENT = (PROJECT / "docs" / "kubernetes.md").read_text()
CHECKOUT = "../signalbox/"
# Flags of kubectl and helm.
FOREIGN = {"--namespace", "--create-namespace", "--set", "--as"}


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", DOCUMENT, re.M | re.S)


def from_kustomization(tmp_path: Path) -> Manifests:
    (text,) = blocks("yaml")
    assert text.count(CHECKOUT) == 1
    where = os.path.relpath(PROJECT, tmp_path)
    (tmp_path / "kustomization.yaml").write_text(text.replace(CHECKOUT, f"{where}/"))
    return Manifests("kustomize:documented", kustomize(tmp_path))


def from_helm() -> Manifests:
    command = next(shlex.split(line) for block in blocks("bash") for line in block.replace("\\\n", " ").splitlines()
                   if line.startswith("helm install"))
    assert command[2:4] == ["signalbox", "deploy/helm/signalbox"]
    values: dict = {}
    for number, word in enumerate(command):
        for pair in command[number + 1].split(",") if word == "--set" else []:
            path, _, value = pair.partition("=")
            *folders, last = path.split(".")
            node = values
            for folder in folders:
                node = node.setdefault(folder, {})
            node[last] = yaml.safe_load(value)
    return Manifests("helm:documented", helm_objects(values, namespace=command[command.index("--namespace") + 1]))


def test_both_ways_to_install_find_the_workers_that_are_promised(tmp_path: Path) -> None:
    kustomized, charted = from_kustomization(tmp_path), from_helm()
    labels = {"app": "vllm", "tier": "gold"}
    for manifests in (kustomized, charted):
        found = dict(pair.split("=") for text in manifests.flags["--selector"] for pair in text.split(","))
        assert found == labels
        assert manifests.flag("--service-discovery-port") == "8000"
        assert manifests.flag("--service-discovery-namespace") == "llm"
        assert manifests.container["image"] == "registry.example/signalbox:0.1.0"
        peers = [peer["podSelector"]["matchLabels"] for policy in manifests.all("NetworkPolicy")
                 for rule in policy["spec"].get("egress", []) for peer in rule.get("to", []) if "podSelector" in peer]
        assert peers == [labels]
    assert {found["metadata"]["namespace"] for found in kustomized.objects} == {"llm"}
    assert kustomized.one("RoleBinding")["subjects"][0]["namespace"] == "llm"


def test_flags_are_those_of_launch() -> None:
    flags = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", DOCUMENT)) - FOREIGN
    assert len(flags) > 8 and flags <= flags_of_launch(), flags - flags_of_launch()


def test_objects_that_are_named_exist(tmp_path: Path) -> None:
    manifests = from_kustomization(tmp_path)
    names = {found["metadata"]["name"] for found in manifests.objects}
    for kind, name in re.findall(r"\b(statefulset|service)/([\w-]+)", DOCUMENT):
        assert name in {found["metadata"]["name"] for found in manifests.objects if found["kind"].lower() == kind}, name
    [example] = [found for found in yaml.safe_load_all((KUBERNETES / "examples/sglang-worker.yaml").read_text())
                 if found["kind"] == "Deployment"]
    assert set(re.findall(r"\bdeployment/([\w-]+)", DOCUMENT)) == {example["metadata"]["name"]}
    pod = example["spec"]["template"]["metadata"]
    assert f'"model":"{pod["annotations"]["signalbox.dev/model"]}"' in DOCUMENT
    assert "app=sglang-worker" in DOCUMENT and pod["labels"]["app"] == "sglang-worker"
    assert {"signalbox-workers", "signalbox-api-server", "signalbox-pods"} <= names
    claims = {claim["metadata"]["name"] for claim in manifests.one("StatefulSet")["spec"]["volumeClaimTemplates"]}
    pods = [f"signalbox-{number}" for number in range(manifests.one("StatefulSet")["spec"]["replicas"])]
    promised = re.search(r"delete pvc ([^`]+)`", DOCUMENT)[1].split()
    assert promised == [f"{claim}-{pod}" for claim in claims for pod in pods]
    account = manifests.one("ServiceAccount")["metadata"]
    assert f"system:serviceaccount:{account['namespace']}:{account['name']}" in DOCUMENT


def test_what_operators_are_told_to_type_shows_why_a_pod_is_no_worker(bench: Workbench, tmp_path: Path) -> None:
    api = KubernetesAPI()
    labels = {"app": "vllm", "tier": "gold"}
    worker = bench.worker()
    api.apply("good", namespace="llm", port=worker.port, labels=labels)
    api.apply("starting", namespace="llm", port=1, labels=labels, ready=False)
    router = start(bench, from_kustomization(tmp_path), KUBECONFIG=str(api.kubeconfig(bench.folder / "config")))
    try:
        wait_for("a ready worker", lambda: router.status({"port": "data", "path": "/readiness"}) == 200, 10)
        said = []
        for command in re.findall(r"^(curl -s localhost:30001/.*)$", DOCUMENT, re.M):
            local = command.replace(":30001", f":{router.ports['admin']}")
            run = subprocess.run(["bash", "-o", "pipefail", "-c", local], capture_output=True, text=True, check=False)
            assert run.returncode == 0, run.stderr
            said += [json.loads(line) for line in run.stdout.splitlines()]
        assert said == [
            ["app=vllm,tier=gold", "watching", None],
            ["good", "worker", None, worker.url],
            ["starting", "excluded", "Its condition Ready is not True.", None],
            [worker.url, "ready", "The worker answers its health check."],
        ]
    finally:
        api.stop()


def test_the_log_can_be_read_as_told() -> None:
    (program,) = re.findall(r"logs signalbox-0 \| jq -rR '(.*)'$", DOCUMENT, re.M)
    log = 'signalbox: serving\n{"time":"1","level":"error","message":"no"}\n{"time":"2","level":"info","message":"yes"}\n'
    run = subprocess.run(["jq", "-rR", program], input=log, capture_output=True, text=True, check=True)
    assert run.stdout == "1 no\n"


def test_folders_that_are_named_exist_and_none_is_forgotten() -> None:
    rows = re.findall(r"^\| `((?:base|overlays|examples)[\w/-]*)` \|", DOCUMENT, re.M)
    there = {path.parent.relative_to(KUBERNETES).as_posix() for path in KUBERNETES.rglob("*.yaml")}
    assert sorted(rows) == sorted(there - {"components/service-discovery"})


def test_what_a_pod_may_say_is_what_the_examples_say() -> None:
    documented = set(re.findall(r"^\| `((?:signalbox\.dev|sglang\.ai)/[\w-]+)` \|", DOCUMENT, re.M))
    said = {name for path in (KUBERNETES / "examples").glob("*.yaml") for worker in objects_of(path.read_text())
            for name in worker["spec"]["template"]["metadata"]["annotations"]}
    assert said == documented


@pytest.mark.parametrize("metric", re.findall(r"`((?:sgl_router|signalbox)_[a-z_]+)`", DOCUMENT))
def test_metrics_that_are_named_exist(metric: str) -> None:
    assert f"| `{metric}` |" in (PROJECT / "docs" / "metrics.md").read_text()
