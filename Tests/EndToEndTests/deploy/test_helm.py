"""The chart itself: its values, their schema, and that it installs the same router as the kustomizations."""

import json
import re
from collections.abc import Iterator

import jsonschema
import pytest
import yaml
from helm_python.chart import lint
from helm_python.errors import HelmRenderError, HelmValuesError

from support.fleet import PROJECT
from support.manifests import CHART, CHARTS, Manifests, helm, helm_objects, load

# What users fill with keys of their own.
FREE = {"selector", "prefillSelector", "decodeSelector", "annotations", "labels", "adminPodLabels", "affinity",
        "monitoringNamespaceLabels", "podAnnotations", "podLabels", "nodeSelector", "requests", "limits"}
HELM_WARNING = 2


def values() -> dict:
    return yaml.safe_load((CHART / "values.yaml").read_text())


def schema() -> dict:
    return json.loads((CHART / "values.schema.json").read_text())


def leaves(node: dict, prefix: str = "") -> Iterator[str]:
    for key, value in node.items():
        if isinstance(value, dict) and key not in FREE:
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield prefix + key


def used() -> set[str]:
    text = "\n".join(path.read_text() for path in sorted((CHART / "templates").iterdir()))
    return set(re.findall(r"\.Values\.([\w.]+)", text))


@pytest.mark.parametrize("name", CHARTS)
def test_helm_lint_finds_nothing(name: str) -> None:
    report = lint(CHART, CHARTS[name], strict=True)
    assert report["total_charts_linted"] == 1 and report["errors"] == []
    assert [message for message in report["messages"] if message["severity"] >= HELM_WARNING] == []


def test_templates_use_values_that_exist_and_every_value_is_used() -> None:
    known = set(leaves(values()))
    # `resources` is written out whole.
    known = {"resources" if leaf.startswith("resources.") else leaf for leaf in known}
    assert used() - known == set(), "not in values.yaml"
    assert known - used() == set(), "in no template"


def test_every_value_has_a_comment() -> None:
    lines = (CHART / "values.yaml").read_text().splitlines()
    # Parts of what one comment explains.
    ours = re.compile(r"^(?:  )?([A-Za-z]+):")
    explained = {f"  {key}:" for key in ("requests", "limits")}
    groups = {key for key, value in values().items() if isinstance(value, dict) and key not in FREE}
    for number, line in enumerate(lines):
        match = ours.match(line)
        if not match or line in explained or (match[1] in groups and not line.startswith(" ") and line.endswith(":")):
            continue
        assert lines[number - 1].lstrip().startswith("# "), f"values.yaml:{number + 1}: {line} has no comment"


def test_the_schema_knows_exactly_the_values() -> None:
    def properties(node: dict, prefix: str = "") -> Iterator[str]:
        for key, value in node["properties"].items():
            if "properties" in value and key not in FREE:
                assert value["additionalProperties"] is False, key
                yield from properties(value, f"{prefix}{key}.")
            else:
                yield prefix + key

    jsonschema.Draft202012Validator.check_schema(schema())
    jsonschema.validate(values(), schema())
    assert schema()["additionalProperties"] is False
    # Helm's own, and a part of resources that has no default.
    assert set(properties(schema())) - {"global", "resources.claims"} == set(leaves(values()))


@pytest.mark.parametrize(("wrong", "named"), [
    ({"replica": 2}, "replica"), ({"replicas": 0}, "replicas"), ({"discovery": {"scope": "cluster"}}, "scope"),
    ({"discovery": {"selector": {"app": None}}}, "selector"), ({"discovery": {"selector": {"tier": 1}}}, "tier"),
    ({"ports": {"data": 70000}}, "data"), ({"workers": ["gpu1:8000"]}, "workers"),
    ({"readiness": {"path": "/healthz"}}, "path"), ({"persistence": {"size": "1 GB"}}, "size"),
    ({"networkPolicy": {"adminPodLabels": {"signalbox.dev/admin": None}}}, "adminPodLabels"),
    ({"log": {"format": "xml"}}, "format"), ({"service": {"type": "ExternalName"}}, "type"),
])
def test_a_wrong_value_is_refused_by_name(wrong: dict, named: str) -> None:
    with pytest.raises(HelmValuesError, match=named):
        helm(wrong)


def test_several_replicas_without_a_common_list_of_workers_are_refused() -> None:
    with pytest.raises(HelmRenderError, match=r"discovery\.enabled or workers"):
        helm({"replicas": 2, "discovery": {"enabled": False}})
    assert helm({"replicas": 2, "discovery": {"enabled": False}, "workers": ["http://gpu1:8000"]})


def test_an_account_of_somebody_else_has_to_be_named() -> None:
    with pytest.raises(HelmRenderError, match=r"serviceAccount\.name"):
        helm({"serviceAccount": {"create": False}})
    objects = Manifests("helm", helm_objects({"serviceAccount": {"create": False, "name": "mine"}}))
    assert not objects.all("ServiceAccount") and objects.pod["spec"]["serviceAccountName"] == "mine"
    assert objects.one("RoleBinding")["subjects"][0]["name"] == "mine"


@pytest.mark.parametrize(("off", "kinds"), [
    ({"rbac": {"create": False}}, {"Role", "RoleBinding"}),
    ({"networkPolicy": {"enabled": False}}, {"NetworkPolicy"}),
    ({"podDisruptionBudget": {"enabled": False}}, {"PodDisruptionBudget"}),
])
def test_parts_can_be_left_out(off: dict, kinds: set[str]) -> None:
    everything = {found["kind"] for found in helm_objects({})}
    assert kinds <= everything
    assert {found["kind"] for found in helm_objects(off)} == everything - kinds


def test_nobody_can_reach_the_data_port_when_no_clients_are_named() -> None:
    policy = Manifests("helm", helm_objects({"networkPolicy": {"clients": []}})).one("NetworkPolicy")
    assert {port["port"] for rule in policy["spec"]["ingress"] for port in rule["ports"]} == {"admin", "metrics"}


def test_the_chart_and_the_router_have_one_version() -> None:
    software = re.search(r'softwareVersion = "([^"]+)"', (PROJECT / "Sources/Protocol/SoftwareVersion.swift").read_text())[1]
    document = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert document["version"] == document["appVersion"] == software
    assert document["kubeVersion"] == ">=1.30.0-0"


def test_the_chart_installs_the_same_router_as_the_kustomization() -> None:
    ours, theirs = load("helm:defaults"), load("kustomize:overlays/namespaced")
    assert ours.flags == theirs.flags | {"--log-level": ["info"]}
    for key in ("ports", "startupProbe", "livenessProbe", "readinessProbe", "securityContext", "resources", "volumeMounts",
                "image", "imagePullPolicy"):
        assert ours.container[key] == theirs.container[key], key
    skip = {"containers", "topologySpreadConstraints"}
    assert {key: value for key, value in ours.pod["spec"].items() if key not in skip} == {
        key: value for key, value in theirs.pod["spec"].items() if key not in skip}
    kinds = {name: sorted(found["kind"] for found in manifests.objects) for name, manifests in
             (("helm", ours), ("kustomize", theirs))}
    # The kustomization's ways to the workers and to the API server are policies of their own.
    assert sorted([*kinds["helm"], "NetworkPolicy", "NetworkPolicy"]) == kinds["kustomize"]
    assert {found["metadata"]["name"] for found in ours.all("Service")} == {
        found["metadata"]["name"] for found in theirs.all("Service")}
    scaler = Manifests("helm", helm_objects({"autoscaling": {"enabled": True}})).one("HorizontalPodAutoscaler")
    assert scaler["spec"] == load("kustomize:overlays/hpa-example").one("HorizontalPodAutoscaler")["spec"]


def test_notes_say_what_to_type_next() -> None:
    def notes(given: dict, name: str = "signalbox") -> str:
        return next(text for path, text in helm(given, name).items() if path.endswith("NOTES.txt"))

    text = notes({})
    assert "kubectl -n inference port-forward service/signalbox 30000" in text
    assert "curl localhost:30001/discovery" in text and "namespace inference" in text and "app=sglang-worker" in text
    assert "WARNING" not in text and "{{" not in text
    assert "any namespace" in notes(CHARTS["cluster-wide"])
    text = notes(CHARTS["by-hand"], "mine")
    assert "discovery" not in text and "mine-signalbox-0" in text and "audit trail" in text
    assert "NetworkPolicy" not in text and "networkPolicy.enabled is false" in notes({"networkPolicy": {"enabled": False}})
