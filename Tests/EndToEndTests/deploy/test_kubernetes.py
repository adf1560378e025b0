"""What `kubectl apply -k` and `helm install` would make: valid, with the least rights, and true to the programs."""

import os
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import httpx
import kubernetes_validate
import pytest
import yaml

from support.fleet import PROJECT, Workbench
from support.kubernetes_api import KubernetesAPI
from support.manifested_router import start
from support.manifests import (
    CHARTS, KUBERNETES, KUSTOMIZATIONS, Manifests, bytes_of, flags_of_launch, kustomize, load, objects_of,
)
from support.waiting import wait_for

NAMES = [f"kustomize:{name}" for name in KUSTOMIZATIONS] + [f"helm:{name}" for name in CHARTS]
WITHOUT_DISCOVERY = {"kustomize:base", "helm:by-hand"}
# The oldest that Chart.yaml admits, and the newest whose schemas are at hand.
KUBERNETES_VERSIONS = ("1.30", "1.37")
DOCUMENT_OF_PORT = {"data": "data-plane.yaml", "admin": "control-plane.yaml"}
READ_PODS = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]}]


@pytest.fixture(scope="module", params=NAMES)
def manifests(request: pytest.FixtureRequest) -> Manifests:
    return load(request.param)


def selects(selector: dict, labels: dict) -> bool:
    """An empty selector would select everything, which nothing here may."""
    assert selector
    return selector.items() <= labels.items()


# The objects


@pytest.mark.parametrize("version", KUBERNETES_VERSIONS)
def test_every_object_is_valid_by_the_published_schemas(manifests: Manifests, version: str) -> None:
    for found in manifests.objects:
        # An extension of the Prometheus operator, without a published schema.
        if found["kind"] != "ServiceMonitor":
            assert kubernetes_validate.validate(found, version, strict=True) == version


def test_names_are_unique_and_fit(manifests: Manifests) -> None:
    names = [(found["kind"], found["metadata"]["name"]) for found in manifests.objects]
    assert len(names) == len(set(names))
    for kind, name in names:
        assert re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", name), (kind, name)


def test_every_object_says_what_it_belongs_to(manifests: Manifests) -> None:
    for found in manifests.objects:
        labels = found["metadata"]["labels"]
        assert labels["app.kubernetes.io/part-of"] == "signalbox"
        assert labels["app.kubernetes.io/name"] == ("signals" if manifests.name == "helm:everything" else "signalbox")
        assert manifests.is_chart == (labels.get("app.kubernetes.io/managed-by") == "Helm")


def test_the_objects_of_an_overlay_move_to_another_namespace_together(tmp_path: Path) -> None:
    for overlay in ("namespaced", "cluster-wide", "hpa-example"):
        folder = tmp_path / overlay
        folder.mkdir()
        where = os.path.relpath(KUBERNETES / "overlays" / overlay, folder)
        (folder / "kustomization.yaml").write_text(yaml.safe_dump({"namespace": "elsewhere", "resources": [where]}))
        for found in kustomize(folder):
            if not found["kind"].startswith("ClusterRole"):
                assert found["metadata"]["namespace"] == "elsewhere"
            for subject in found.get("subjects", []):
                assert subject["namespace"] == "elsewhere"


# The pod


def test_the_container_has_no_rights_that_it_does_not_need(manifests: Manifests) -> None:
    pod, container = manifests.pod["spec"], manifests.container
    assert pod["securityContext"] == {
        "runAsNonRoot": True, "runAsUser": 65532, "runAsGroup": 65532, "fsGroup": 65532,
        "fsGroupChangePolicy": "OnRootMismatch", "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
    }
    assert not {"hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace"} & pod.keys()
    assert all("hostPath" not in volume for volume in pod["volumes"])
    assert all("hostPort" not in port for port in container["ports"])


def test_the_user_is_that_of_the_image(manifests: Manifests) -> None:
    user = re.search(r"^USER (\d+):(\d+)$", (PROJECT / "deploy/docker/Dockerfile").read_text(), re.M)
    context = manifests.pod["spec"]["securityContext"]
    assert (context["runAsUser"], context["runAsGroup"]) == (int(user[1]), int(user[2]))


def test_the_image_has_a_version(manifests: Manifests) -> None:
    version = re.search(r'softwareVersion = "([^"]+)"', (PROJECT / "Sources/Protocol/SoftwareVersion.swift").read_text())[1]
    image, _, tag = manifests.container["image"].rpartition(":")
    assert image and tag == ("9.9.9" if manifests.name == "helm:everything" else version)


def test_every_flag_is_one_of_launch(manifests: Manifests) -> None:
    assert len(flags_of_launch()) > 40
    unknown = manifests.flags.keys() - flags_of_launch()
    assert not unknown, f"signalbox launch has no {', '.join(sorted(unknown))}"


def test_flags_name_the_ports_of_the_container(manifests: Manifests) -> None:
    flags = {"data": "--port", "admin": "--admin-port", "metrics": "--prometheus-port"}
    assert manifests.ports == {name: int(manifests.flag(flag)) for name, flag in flags.items()}
    for flag in ("--host", "--admin-host", "--prometheus-host"):
        assert manifests.flag(flag) == "0.0.0.0", "a pod's loopback is reached by nobody"


def test_the_data_port_forwards_nobody_to_the_admin_api(manifests: Manifests) -> None:
    assert manifests.flag("--forward-admin") == "off"


def test_probes_ask_for_paths_that_are_documented_on_the_port_that_they_name(manifests: Manifests) -> None:
    paths = {}
    for kind in ("startupProbe", "livenessProbe", "readinessProbe"):
        get = manifests.container[kind]["httpGet"]
        assert get["port"] in manifests.ports
        document = yaml.safe_load((PROJECT / "openapi" / DOCUMENT_OF_PORT[get["port"]]).read_text())
        assert "get" in document["paths"][get["path"]] or "$ref" in document["paths"][get["path"]]
        paths[kind] = (get["port"], get["path"])
    assert paths["livenessProbe"] == ("data", "/liveness"), "a lost control plane must not end what is served"
    expected = "/health" if manifests.name == "helm:everything" else "/readiness"
    assert paths["readinessProbe"] == ("data", expected)


def seconds_of(constant: str) -> int:
    text = (PROJECT / "Sources/ControlPlane/Supervisor/SupervisorState.swift").read_text()
    return int(re.search(rf"static let {constant}: Duration = \.seconds\((\d+)\)", text)[1])


def test_the_end_of_a_pod_is_longer_than_that_of_launch(manifests: Manifests) -> None:
    delay, grace = (int(manifests.flag(f"--shutdown-{name}-secs")) for name in ("delay", "grace-period"))
    # LaunchCommand adds two seconds; then data planes are killed, and the control plane is ended and killed.
    launch = (PROJECT / "Sources/ControlPlane/Executable/LaunchCommand.swift").read_text()
    extra = int(re.search(r"shutdownDelaySecs \+ shutdownGracePeriodSecs \+ (\d+)", launch)[1])
    longest = delay + grace + extra + 2 * seconds_of("killTimeout") + seconds_of("controlPlaneGrace")
    assert longest < manifests.pod["spec"]["terminationGracePeriodSeconds"] <= longest + 30
    # Balancers need a while to learn that a pod leaves; nothing else gives it to them.
    assert delay >= 5 and "lifecycle" not in manifests.container


def test_what_is_written_lies_on_volumes(manifests: Manifests) -> None:
    spec = manifests.one("StatefulSet")["spec"]
    volumes = {volume["name"] for volume in manifests.pod["spec"]["volumes"]}
    claims = {claim["metadata"]["name"] for claim in spec.get("volumeClaimTemplates", [])}
    mounts = {mount["name"]: mount["mountPath"] for mount in manifests.container["volumeMounts"]}
    assert mounts.keys() == volumes | claims and not volumes & claims
    assert PurePosixPath(manifests.flag("--database")).parent == PurePosixPath(mounts["database"])
    # The volume belongs to root, and launch wants a folder of its own user.
    assert PurePosixPath(mounts["runtime"]) in PurePosixPath(manifests.flag("--runtime-dir")).parents
    assert manifests.flag("--spool-directory") == mounts["spool"]
    assert ("database" in claims) == (manifests.name != "helm:by-hand")


def test_volumes_and_limits_fit_one_another(manifests: Manifests) -> None:
    limits = manifests.container["resources"]["limits"]
    sizes = {volume["name"]: bytes_of(volume["emptyDir"]["sizeLimit"])
             for volume in manifests.pod["spec"]["volumes"] if volume["emptyDir"]}
    data_planes = int(manifests.flag("--data-planes"))
    # The defaults of --max-spool-bytes, and of --max-buffer-bytes and --prefix-index-bytes.
    assert data_planes << 30 <= sizes["spool"] < bytes_of(limits["ephemeral-storage"])
    assert data_planes * (256 + 64 << 20) + sizes["runtime"] < bytes_of(limits["memory"])
    assert "cpu" not in limits
    assert int(manifests.container["resources"]["requests"]["cpu"]) == data_planes * int(manifests.flag("--threads"))


def test_the_flags_start_a_router_whose_probes_answer(bench: Workbench, manifests: Manifests) -> None:
    router = start(bench, manifests)
    assert router.status(manifests.container["livenessProbe"]["httpGet"]) == 200
    readiness = manifests.container["readinessProbe"]["httpGet"]
    assert router.status(readiness) == (200 if readiness["path"] == "/health" else 503), "there is no worker"
    assert router.status({"port": "metrics", "path": "/metrics"}) == 200
    assert router.status({"port": "admin", "path": "/list_workers"}) == 200


@pytest.fixture
def api() -> Iterator[KubernetesAPI]:
    api = KubernetesAPI()
    yield api
    api.stop()


@pytest.mark.parametrize("name", [name for name in NAMES if name not in WITHOUT_DISCOVERY])
def test_the_flags_and_the_role_are_enough_to_find_workers(bench: Workbench, api: KubernetesAPI, name: str) -> None:
    manifests = load(name)
    watched = manifests.flags.get("--service-discovery-namespace", [None])[0]
    expected = {}
    for number, labels in enumerate(label_sets(manifests)):
        for namespace in (watched or "one", "elsewhere"):
            pod = f"worker-{number}-{namespace}"
            worker = bench.worker()
            api.apply(pod, namespace=namespace, port=worker.port, labels={**labels, "pod-template-hash": "1"})
            if namespace != "elsewhere" or not watched:
                expected[pod] = worker.url
    api.apply("no-worker", namespace=watched or "one", port=1, labels={"app": "database"})
    config = api.kubeconfig(bench.folder / "config")
    router = start(bench, manifests, KUBECONFIG=str(config))
    admin = f"http://127.0.0.1:{router.ports['admin']}"

    def found() -> dict[str, str]:
        pods = httpx.get(f"{admin}/discovery").json()["pods"]
        return {pod["name"]: pod["url"] for pod in pods if pod["state"] == "worker"}

    wait_for("the workers to be found", lambda: found() == expected, 10)
    if "--selector" in manifests.flags:
        wait_for("the readiness probe to be answered",
                 lambda: router.status(manifests.container["readinessProbe"]["httpGet"]) == 200, 10)
    # All that was asked for is in the rule, and in the namespace of the role.
    paths = {path for path, _ in api.requests}
    assert paths == {f"/api/v1/namespaces/{watched}/pods" if watched else "/api/v1/pods"}
    assert all(query["labelSelector"] for _, query in api.requests)


# Who is who


def test_selectors_select_the_pods(manifests: Manifests) -> None:
    labels = manifests.pod_labels
    stateful_set = manifests.one("StatefulSet")
    assert selects(stateful_set["spec"]["selector"]["matchLabels"], labels)
    for found in manifests.all("Service"):
        assert selects(found["spec"]["selector"], labels)
    for kind, field in (("PodDisruptionBudget", "selector"), ("NetworkPolicy", "podSelector")):
        assert manifests.all(kind)
        for found in manifests.all(kind):
            assert selects(found["spec"][field]["matchLabels"], labels)
    for spread in manifests.pod["spec"]["topologySpreadConstraints"]:
        assert selects(spread["labelSelector"]["matchLabels"], labels)
    for scaler in manifests.all("HorizontalPodAutoscaler"):
        target = scaler["spec"]["scaleTargetRef"]
        assert (target["kind"], target["name"]) == ("StatefulSet", stateful_set["metadata"]["name"])
        assert "replicas" not in stateful_set["spec"], "both would set it"
        assert scaler["spec"]["metrics"][0]["containerResource"]["container"] == manifests.container["name"]
        assert stateful_set["spec"]["persistentVolumeClaimRetentionPolicy"]["whenScaled"] == "Delete"
    for monitor in manifests.all("ServiceMonitor"):
        chosen = [found for found in manifests.all("Service")
                  if selects(monitor["spec"]["selector"]["matchLabels"], found["metadata"]["labels"])]
        assert [found["metadata"]["name"] for found in chosen] == [services(manifests)["metrics"]["metadata"]["name"]]
        assert monitor["spec"]["endpoints"][0]["port"] in [port["name"] for port in chosen[0]["spec"]["ports"]]


def services(manifests: Manifests) -> dict[str, dict]:
    """By the one port that each has; the headless one, which has all, as `pods`."""
    found = {}
    for service in manifests.all("Service"):
        ports = service["spec"]["ports"]
        found["pods" if len(ports) > 1 else ports[0]["name"]] = service
    return found


def test_each_port_has_a_service_of_its_own(manifests: Manifests) -> None:
    found = services(manifests)
    assert found.keys() == {"data", "admin", "metrics", "pods"}
    for service in found.values():
        for port in service["spec"]["ports"]:
            assert port["targetPort"] == port["name"] and port["port"] == manifests.ports[port["name"]]
    assert found["admin"]["spec"]["type"] == found["metrics"]["spec"]["type"] == "ClusterIP"
    assert found["pods"]["spec"]["clusterIP"] == "None"
    assert manifests.one("StatefulSet")["spec"]["serviceName"] == found["pods"]["metadata"]["name"]
    # Clients go where requests are served; operators and Prometheus where they are not, too.
    assert "publishNotReadyAddresses" not in found["data"]["spec"]
    assert all(found[name]["spec"]["publishNotReadyAddresses"] for name in ("admin", "metrics", "pods"))


def test_a_drained_node_takes_a_single_pod_too(manifests: Manifests) -> None:
    spec = manifests.one("PodDisruptionBudget")["spec"]
    assert spec["maxUnavailable"] == 1 and "minAvailable" not in spec
    assert spec["unhealthyPodEvictionPolicy"] == "AlwaysAllow"


# Rights


def test_the_account_may_read_pods_and_nothing_else(manifests: Manifests) -> None:
    assert manifests.discovers == (manifests.name not in WITHOUT_DISCOVERY)
    roles = manifests.all("Role") + manifests.all("ClusterRole")
    bindings = manifests.all("RoleBinding") + manifests.all("ClusterRoleBinding")
    account = manifests.one("ServiceAccount")["metadata"]["name"]
    assert manifests.pod["spec"]["serviceAccountName"] == account
    assert manifests.one("ServiceAccount")["automountServiceAccountToken"] is False
    assert manifests.pod["spec"]["automountServiceAccountToken"] is manifests.discovers
    if not manifests.discovers:
        assert not roles and not bindings
        return
    assert [role["rules"] for role in roles] == [READ_PODS]
    assert len(bindings) == 1
    assert bindings[0]["roleRef"] == {
        "apiGroup": "rbac.authorization.k8s.io", "kind": roles[0]["kind"], "name": roles[0]["metadata"]["name"]}
    assert bindings[0]["subjects"] == [{"kind": "ServiceAccount", "name": account, "namespace": manifests.namespace}]
    assert bindings[0]["kind"] == f"{roles[0]['kind']}Binding"


def test_the_role_reaches_as_far_as_discovery_looks(manifests: Manifests) -> None:
    if not manifests.discovers:
        assert "--service-discovery-namespace" not in manifests.flags
    elif "cluster-wide" in manifests.name:
        assert manifests.one("ClusterRole") and not manifests.all("Role")
        assert "--service-discovery-namespace" not in manifests.flags
    else:
        assert not manifests.all("ClusterRole") and not manifests.all("ClusterRoleBinding")
        watched = manifests.flag("--service-discovery-namespace")
        for kind in ("Role", "RoleBinding"):
            assert manifests.one(kind)["metadata"]["namespace"] == watched
        assert watched == ("gpus" if manifests.name == "helm:other-namespace" else manifests.namespace)


# The network


def policies(manifests: Manifests, direction: str) -> list[dict]:
    return [rule for policy in manifests.all("NetworkPolicy") for rule in policy["spec"].get(direction, [])]


def test_ports_are_open_to_those_who_need_them(manifests: Manifests) -> None:
    who = {}
    for rule in policies(manifests, "ingress"):
        assert rule["from"], "an empty list lets everybody in"
        ports = [port["port"] for port in rule["ports"]]
        assert len(ports) == 1 and ports[0] not in who
        who[ports[0]] = rule["from"]
    assert who == {
        "data": [{"namespaceSelector": {}}],
        "admin": [{"podSelector": {"matchLabels": {"signalbox.dev/admin": "true"}}}],
        "metrics": [{"namespaceSelector": {"matchLabels": {"signalbox.dev/monitoring": "true"}}}],
    }
    types = {kind for policy in manifests.all("NetworkPolicy") for kind in policy["spec"]["policyTypes"]}
    assert types == {"Ingress", "Egress"}


def label_sets(manifests: Manifests) -> list[dict[str, str]]:
    flags = [manifests.flags[flag] for flag in ("--selector", "--prefill-selector", "--decode-selector")
             if flag in manifests.flags]
    assert flags or not manifests.discovers
    return [dict(pair.split("=", 1) for pair in pairs) for pairs in flags]


def test_the_router_reaches_names_the_api_server_and_the_workers_that_it_looks_for(manifests: Manifests) -> None:
    rules = policies(manifests, "egress")
    assert {"port": 53, "protocol": "UDP"} in rules[0]["ports"] and {"port": 53, "protocol": "TCP"} in rules[0]["ports"]
    assert len(rules[0]["to"]) == 2 and len(rules[0]["ports"]) == 2
    open_ports = [port["port"] for rule in rules if "to" not in rule for port in rule["ports"]]
    assert open_ports == ([443, 6443] if manifests.discovers else [])
    peers = [peer for rule in rules if "to" in rule for peer in rule["to"] if "podSelector" in peer]
    expected = label_sets(manifests)
    if manifests.name == "kustomize:base":
        # Workers by hand have the same label.
        expected = [{"app": "sglang-worker"}]
    assert [peer["podSelector"]["matchLabels"] for peer in peers] == expected
    for peer in peers:
        if "cluster-wide" in manifests.name:
            assert peer["namespaceSelector"] == {}
        elif manifests.is_chart:
            watched = manifests.flag("--service-discovery-namespace")
            assert peer["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": watched}
        else:
            assert "namespaceSelector" not in peer
    assert len(rules) == 1 + len(peers) + bool(open_ports) + (manifests.name == "helm:cluster-wide")


# The examples


EXAMPLES = sorted((KUBERNETES / "examples").glob("*.yaml"))
ANNOTATIONS = {"signalbox.dev/model", "signalbox.dev/weight", "signalbox.dev/role", "signalbox.dev/port",
               "sglang.ai/bootstrap-port"}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_examples_of_workers_are_found_by_the_overlays(path: Path) -> None:
    selectors = label_sets(load("kustomize:overlays/namespaced"))
    for worker in objects_of(path.read_text()):
        for version in KUBERNETES_VERSIONS:
            kubernetes_validate.validate(worker, version, strict=True)
        pod = worker["spec"]["template"]
        labels, annotations = pod["metadata"]["labels"], pod["metadata"]["annotations"]
        assert selects(worker["spec"]["selector"]["matchLabels"], labels)
        assert all(selects(selector, labels) for selector in selectors)
        assert annotations.keys() <= ANNOTATIONS, annotations.keys() - ANNOTATIONS
        container = pod["spec"]["containers"][0]
        command = container["command"]
        port = int(command[command.index("--port") + 1])
        assert port == container["ports"][0]["containerPort"] == int(annotations["signalbox.dev/port"])
        assert command[command.index("--model-path") + 1] == annotations["signalbox.dev/model"]
        assert float(annotations["signalbox.dev/weight"]) > 0
        assert container["readinessProbe"]["httpGet"]["port"] == container["ports"][0]["name"]
        if "signalbox.dev/role" in annotations:
            assert command[command.index("--disaggregation-mode") + 1] == annotations["signalbox.dev/role"]
        assert ":" in container["image"] and not container["image"].endswith(":latest")
        # Requests that were there may end: as long as the router lets them.
        drain = int(re.search(r"`--timeout-drain-secs` .*?\| (\d+) s", (PROJECT / "docs/limits.md").read_text())[1])
        assert pod["spec"]["terminationGracePeriodSeconds"] > drain


def test_there_are_examples() -> None:
    assert EXAMPLES
