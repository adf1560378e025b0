"""How the router proves itself to an API server, and what it says when it is not let in."""

import base64
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.fleet import ControlPlane, Workbench
from support.kubernetes_api import KubernetesAPI
from support.waiting import wait_for

FLAGS = ("--service-discovery", "--selector", "app=sglang", "--kubeconfig")


@pytest.fixture
def secure(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[KubernetesAPI]:
    api = KubernetesAPI(tmp_path, **getattr(request, "param", {}))
    yield api
    api.stop()


def watch(plane: ControlPlane) -> dict:
    return plane.admin.get("/discovery").json()["watches"][0]


def failure(plane: ControlPlane) -> str:
    return wait_for("a failure", lambda: watch(plane)["failure"])


def wait_watching(plane: ControlPlane) -> None:
    wait_for("a list", lambda: watch(plane)["last_list"] and not watch(plane)["failure"])


def test_kubectl_accepts_the_same_server_and_file(bench: Workbench, secure: KubernetesAPI) -> None:
    secure.apply("a", port=1)
    config = secure.kubeconfig(bench.folder / "config")
    shown = subprocess.run(["kubectl", "--kubeconfig", config, "get", "--raw", "/api/v1/pods?limit=5"],
                           capture_output=True, text=True, timeout=30)
    assert shown.returncode == 0 and '"name": "a"' in shown.stdout, shown.stderr
    plane = bench.control_plane(*FLAGS, config)
    wait_watching(plane)


def test_a_server_with_a_foreign_certificate_is_refused(bench: Workbench, secure: KubernetesAPI) -> None:
    config = secure.kubeconfig(bench.folder / "config")
    text = config.read_text()
    config.write_text("\n".join(line for line in text.splitlines() if "certificate-authority-data" not in line))
    plane = bench.control_plane(*FLAGS, config)
    assert "certificate" in failure(plane) and not secure.requests
    # The file is read anew for every try.
    config.write_text(text)
    wait_watching(plane)


def test_the_insecure_flag_is_said_loudly(bench: Workbench, secure: KubernetesAPI) -> None:
    config = secure.kubeconfig(bench.folder / "config")
    lines = ["    insecure-skip-tls-verify: true" if "certificate-authority-data" in line else line
             for line in config.read_text().splitlines()]
    config.write_text("\n".join(lines))
    plane = bench.control_plane(*FLAGS, config)
    wait_watching(plane)
    assert "insecure-skip-tls-verify" in plane.log()


@pytest.mark.parametrize("secure", [{"token": "", "client_certificates": True}], indirect=True)
@pytest.mark.parametrize("form", ["data", "file"])
def test_client_certificates(bench: Workbench, secure: KubernetesAPI, tmp_path: Path, form: str) -> None:
    certificate, key = tmp_path / "client.pem", tmp_path / "client.key"
    if form == "data":
        user = {"client-certificate-data": base64.b64encode(certificate.read_bytes()).decode(),
                "client-key-data": base64.b64encode(key.read_bytes()).decode()}
    else:
        # Relative to the folder of the kubeconfig.
        for file in (certificate, key):
            (bench.folder / file.name).write_bytes(file.read_bytes())
        user = {"client-certificate": "client.pem", "client-key": "client.key"}
    plane = bench.control_plane(*FLAGS, secure.kubeconfig(bench.folder / "config", **user))
    wait_watching(plane)


def test_a_token_that_rotates_is_read_again(bench: Workbench, api: KubernetesAPI) -> None:
    token = bench.folder / "token"
    token.write_text(f"{api.token}\n")
    plane = bench.control_plane(*FLAGS, api.kubeconfig(bench.folder / "config", tokenFile="token"))
    wait_watching(plane)
    api.token = "rotated"
    api.drop_watches()
    assert "401" in failure(plane)
    token.write_text("rotated")
    wait_watching(plane)
    assert "rotated" not in plane.log() and "secret-token" not in plane.log()


def test_a_refusal_names_what_the_role_needs(bench: Workbench, api: KubernetesAPI) -> None:
    api.answer_status = 403
    plane = bench.control_plane(*FLAGS, api.kubeconfig(bench.folder / "config"))
    assert "get, list and watch" in failure(plane)


@pytest.mark.parametrize("text, said", [
    (None, "cannot be read"),
    ("{", "kubeconfig"),
    ("current-context: x\n", "no context 'x'"),
    ("contexts: []\n", "no current-context"),
    ("current-context: x\ncontexts: [{name: x, context: {cluster: c}}]\n", "cluster 'c'"),
    ("current-context: x\ncontexts: [{name: x, context: {cluster: c, user: u}}]\n"
     "clusters: [{name: c, cluster: {server: 'https://h'}}]\nusers: [{name: u, user: {auth-provider: {name: gcp}}}]\n",
     "by auth-provider, which is not supported; use a token"),
    ("current-context: x\ncontexts: [{name: x, context: {cluster: c}}]\n"
     "clusters: [{name: c, cluster: {server: 'https://h', proxy-url: 'http://p'}}]\n",
     "proxy-url, which is not supported; let 'server'"),
])
def test_a_bad_kubeconfig_is_explained_and_tried_again(bench: Workbench, api: KubernetesAPI, text: str | None,
                                                       said: str) -> None:
    config = bench.folder / "config"
    if text is not None:
        config.write_text(text)
    plane = bench.control_plane(*FLAGS, config)
    assert said in failure(plane)
    assert plane.admin.get("/health").status_code == 200
    api.kubeconfig(config)
    wait_watching(plane)


VERSION = "client.authentication.k8s.io/v1"


def exec_user(folder: Path, version: str = VERSION, **fields: object) -> dict:
    """A user that proves itself by a program, which answers what is in the file `status` and notes that it was called."""
    program = folder / "prove"
    program.write_text(f"""#!/bin/sh
printf '%s\\n' "$KUBERNETES_EXEC_INFO" >> {folder}/calls
echo "noise-on-standard-error" >&2
printf '{{"kind":"ExecCredential","apiVersion":"{version}","status":%s}}' "$(cat {folder}/status)"
""")
    program.chmod(0o755)
    return {"exec": {"apiVersion": version, "command": "./prove", "interactiveMode": "IfAvailable", **fields}}


def calls(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "calls").read_text().splitlines() if line]


@pytest.mark.parametrize("is_told", [False, True])
@pytest.mark.parametrize("version", [VERSION, "client.authentication.k8s.io/v1beta1"])
def test_an_exec_command_proves_who_asks(bench: Workbench, secure: KubernetesAPI, version: str, is_told: bool) -> None:
    folder = bench.folder
    config = secure.kubeconfig(folder / "config", **exec_user(folder, version, provideClusterInfo=is_told))
    (folder / "status").write_text(json.dumps({"token": secure.token}))
    # kubectl takes the same file and program.
    shown = subprocess.run(["kubectl", "--kubeconfig", config, "get", "--raw", "/api/v1/pods"], capture_output=True,
                           text=True, timeout=30)
    assert shown.returncode == 0, shown.stderr
    [by_kubectl] = calls(folder)
    if is_told:
        # What kubectl passes on of an extension that this cluster has not.
        assert by_kubectl["spec"]["cluster"].pop("config") is None
    assert by_kubectl["apiVersion"] == version and ("cluster" in by_kubectl["spec"]) == is_told
    (folder / "calls").unlink()
    plane = bench.control_plane(*FLAGS, config)
    wait_watching(plane)
    # One call for the list and the watch, told what kubectl tells where nobody is there.
    wait_for("the watch", lambda: secure.watches == 1)
    assert calls(folder) == [by_kubectl] and by_kubectl["spec"]["interactive"] is False
    # What the API server refuses is asked for anew.
    secure.token = "another-secret-token"
    (folder / "status").write_text(json.dumps({"token": secure.token}))
    secure.drop_watches()
    wait_for("a new watch", lambda: secure.watches == 2)
    assert len(calls(folder)) == 2
    assert "secret-token" not in plane.log() and "noise" not in plane.log()


def test_an_exec_command_whose_token_expires_is_asked_again(bench: Workbench, api: KubernetesAPI) -> None:
    folder = bench.folder
    config = api.kubeconfig(folder / "config", **exec_user(folder))
    (folder / "status").write_text(json.dumps({"token": api.token, "expirationTimestamp": "2020-01-01T00:00:00Z"}))
    plane = bench.control_plane(*FLAGS, config)
    wait_watching(plane)
    wait_for("the watch", lambda: api.watches == 1)
    assert len(calls(folder)) == 2


@pytest.mark.parametrize("secure", [{"token": "", "client_certificates": True}], indirect=True)
def test_an_exec_command_gives_a_client_certificate(bench: Workbench, secure: KubernetesAPI, tmp_path: Path) -> None:
    folder = bench.folder
    config = secure.kubeconfig(folder / "config", **exec_user(folder))
    (folder / "status").write_text(json.dumps({
        "clientCertificateData": (tmp_path / "client.pem").read_text(), "clientKeyData": (tmp_path / "client.key").read_text(),
    }))
    plane = bench.control_plane(*FLAGS, config)
    wait_watching(plane)
    assert "PRIVATE" not in plane.log()


def test_an_exec_command_that_fails_is_named_and_tried_again(bench: Workbench, api: KubernetesAPI) -> None:
    folder = bench.folder
    config = api.kubeconfig(folder / "config", **exec_user(folder))
    (folder / "status").write_text("secret, and no JSON")
    plane = bench.control_plane(*FLAGS, config)
    assert "answered something that is no ExecCredential" in failure(plane)
    (folder / "status").write_text(json.dumps({"token": api.token}))
    wait_watching(plane)
    assert "secret" not in plane.log()


def test_a_control_plane_does_not_wait_for_an_exec_command_that_hangs(bench: Workbench, api: KubernetesAPI) -> None:
    program = bench.folder / "prove"
    program.write_text(f"#!/bin/sh\necho $$ > {bench.folder}/pid\nsleep 1000\n")
    program.chmod(0o755)
    user = {"exec": {"apiVersion": VERSION, "command": str(program), "interactiveMode": "Never"}}
    plane = bench.control_plane(*FLAGS, api.kubeconfig(bench.folder / "config", **user))
    wait_for("the program", lambda: (bench.folder / "pid").is_file() and (bench.folder / "pid").read_text().strip())
    group = int((bench.folder / "pid").read_text())
    assert plane.admin.get("/health").status_code == 200
    plane.signal(15)
    assert plane.child.wait(10) == 0

    def is_alive() -> bool:
        stats = [path.read_text() for path in Path("/proc").glob("[0-9]*/stat") if path.exists()]
        fields = [stat.rpartition(")")[2].split() for stat in stats]
        return any(int(field[2]) == group and field[0] != "Z" for field in fields)

    wait_for("the program and what it started to be gone", lambda: not is_alive())
