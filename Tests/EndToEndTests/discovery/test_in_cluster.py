"""A control plane in a pod: the service account that the kubelet mounts is all that it has."""

import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import service_account
from support.fleet import ControlPlane, DataPlane, Workbench
from support.kubernetes_api import KubernetesAPI
from support.raw_http import ask
from support.service_account import ServiceAccount
from support.waiting import wait_for

FLAGS = ("--service-discovery", "--selector", "app=sglang")

pytestmark = pytest.mark.skipif(service_account.why_not() is not None, reason=str(service_account.why_not()))


def has_six() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


@pytest.fixture(params=["127.0.0.1"])
def api(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[KubernetesAPI]:
    api = KubernetesAPI(tmp_path, host=request.param)
    yield api
    api.stop()


@pytest.fixture
def account(bench: Workbench, api: KubernetesAPI, tmp_path: Path) -> ServiceAccount:
    return ServiceAccount(bench.folder / "account", api.token, (tmp_path / "ca.pem").read_bytes(), namespace="ours")


def start(bench: Workbench, api: KubernetesAPI, account: ServiceAccount, *flags: object,
          **options: object) -> ControlPlane:
    return bench.control_plane(*FLAGS, *flags, prefix=account.prefix(api.host, api.port), **options)


def urls(plane: ControlPlane) -> set[str]:
    return {worker["url"] for worker in plane.admin.workers()}


def watch(plane: ControlPlane) -> dict:
    return plane.admin.get("/discovery").json()["watches"][0]


def wait_watching(plane: ControlPlane) -> None:
    wait_for("a watch", lambda: watch(plane)["state"] == "watching" and not watch(plane)["failure"])


def generate(plane: DataPlane) -> int:
    return ask(plane.port, "POST", "/generate", b'{"text":"x"}').status


@pytest.mark.parametrize("api", ["127.0.0.1", pytest.param("::1", marks=pytest.mark.skipif(
    not has_six(), reason="this machine has no address ::1"))], indirect=True)
def test_the_service_account_is_enough(bench: Workbench, api: KubernetesAPI, account: ServiceAccount) -> None:
    ours, other = bench.recording_worker(), bench.recording_worker()
    api.apply("a", namespace="ours", port=ours.port)
    api.apply("b", namespace="other", port=other.port)
    plane = start(bench, api, account)
    # All namespaces, whatever that of the pod is.
    wait_for("both workers", lambda: urls(plane) == {ours.url, other.url})
    wait_watching(plane)
    assert {path for path, _ in api.requests} == {"/api/v1/pods"}
    assert watch(plane)["errors"] == 0 and api.token not in plane.log()


def test_one_namespace(bench: Workbench, api: KubernetesAPI, account: ServiceAccount) -> None:
    ours, other = bench.recording_worker(), bench.recording_worker()
    api.apply("a", namespace="ours", port=ours.port)
    api.apply("b", namespace="other", port=other.port)
    plane = start(bench, api, account, "--service-discovery-namespace", "other")
    wait_for("its worker", lambda: urls(plane) == {other.url})
    wait_watching(plane)
    assert {path for path, _ in api.requests} == {"/api/v1/namespaces/other/pods"}


def test_a_token_that_the_kubelet_rotates(bench: Workbench, api: KubernetesAPI, account: ServiceAccount) -> None:
    first, second = bench.recording_worker(), bench.recording_worker()
    api.apply("a", port=first.port)
    api.bookmark_seconds = 0.2
    plane = start(bench, api, account)
    wait_watching(plane)
    old, new = api.token, "rotated-token"
    account.rotate(token=new)
    # The kubelet is early: the old token is refused later, and the watch goes on until it ends.
    api.token = new
    api.apply("b", port=second.port)
    wait_for("the worker of the old watch", lambda: second.url in urls(plane))
    assert api.watches == 1
    api.drop_watches()
    wait_for("another watch", lambda: api.watches == 2)
    # One connection was dropped; nobody was refused.
    assert watch(plane)["failure"] is None and "401" not in plane.log()
    # The other way round it is said, and ends by itself.
    api.token = "one-more-token"
    api.drop_watches()
    assert "401" in wait_for("the refusal", lambda: watch(plane)["failure"])
    assert urls(plane) == {first.url, second.url}
    account.rotate(token=api.token)
    wait_watching(plane)
    assert not any(token in plane.log() for token in (old, new, api.token))


def test_a_foreign_authority_changes_no_traffic(bench: Workbench, api: KubernetesAPI, account: ServiceAccount,
                                                tmp_path: Path) -> None:
    stays, late = bench.recording_worker(), bench.recording_worker()
    api.apply("stays", port=stays.port)
    plane = start(bench, api, account)
    proxy = bench.data_plane(plane.control_socket)
    bench.wait_ready(proxy)
    wait_watching(plane)
    good, count = account.files["ca.crt"], len(api.requests)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "foreign.key", "-out",
                    "foreign.pem", "-days", "2", "-subj", "/CN=test-ca"], cwd=tmp_path, check=True, capture_output=True)
    account.rotate(ca_crt=(tmp_path / "foreign.pem").read_bytes())
    api.vanish("stays")
    api.apply("late", port=late.port, ready=False)
    api.drop_watches()
    said = wait_for("the failure", lambda: (text := watch(plane)["failure"]) and "certificate" in text and text)
    assert "https://127.0.0.1" in said
    # Nothing was asked of whom nobody can trust, and what was known goes on.
    assert len(api.requests) == count
    assert [generate(proxy) for _ in range(6)] == [200] * 6 and urls(plane) == {stays.url}
    account.rotate(ca_crt=good)
    wait_for("the fresh list", lambda: stays.url not in urls(plane))


def test_what_is_missing_is_named(bench: Workbench, api: KubernetesAPI, account: ServiceAccount) -> None:
    worker = bench.recording_worker()
    api.apply("a", port=worker.port)
    account.rotate(token="")
    plane = start(bench, api, account)
    assert f"{service_account.PLACE}/token, is empty" in wait_for("a failure", lambda: watch(plane)["failure"])
    (account.folder / "token").unlink()
    wait_for("another reason", lambda: f"{service_account.PLACE}/token, cannot be read: No such file" in (
        watch(plane)["failure"]))
    (account.folder / "token").symlink_to("..data/token")
    account.rotate(token=api.token)
    wait_for("the worker", lambda: worker.url in urls(plane))
