"""An API server that knows pods only: lists in pages, watches with bookmarks, forgets the past when told to."""

import base64
import json
import re
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlparse

import yaml


def matches(selector: str, labels: dict[str, str]) -> bool:
    """Equality and `key in (...)` only, enough for what the tests ask."""
    rest = selector
    while rest:
        depth, end = 0, len(rest)
        for index, character in enumerate(rest):
            depth += (character == "(") - (character == ")")
            if character == "," and depth == 0:
                end = index
                break
        part, rest = rest[:end], rest[end + 1:]
        if " in (" in part:
            key, _, values = part.partition(" in (")
            if labels.get(key) not in values.rstrip(")").split(","):
                return False
        else:
            key, _, value = part.partition("=")
            if labels.get(key) != value:
                return False
    return True


REASONS = {401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 410: "Expired", 500: "InternalError",
           503: "ServiceUnavailable"}


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]):
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, handler)


class KubernetesAPI:
    """`pods` change through `apply` and `delete`; `events` is all that ever happened."""

    def __init__(self, folder: Path | None = None, token: str = "secret-token", client_certificates: bool = False,
                 host: str = "127.0.0.1"):
        self.token = token
        self.host = host
        self.lock = threading.Condition()
        self.version = 1000
        self.pods: dict[str, dict] = {}
        self.events: list[tuple[int, str, dict]] = []
        self.forgotten = 0
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.page_size: int | None = None
        self.bookmark_seconds: float | None = None
        self.is_mute = False
        # Bytes that the next watches send after their first event, before they go on or are cut.
        self.garbage: bytes | None = None
        # Seconds between two bytes of an event.
        self.trickle_seconds = 0.0
        self.snapshots: dict[str, tuple[str, list[dict]]] = {}
        self.answer_status: int | None = None
        self.refused_watches: int | None = None
        # Asked first with the request's handler and query; true when it has answered.
        self.intercept: Callable[[Any, dict[str, str]], bool] = lambda handler, query: False
        self.watches = 0
        self.dropped = 0
        self.folder = folder
        self.server = Server((host, 0), self._handler())
        self.port = self.server.server_address[1]
        self.scheme = "http"
        if folder:
            self._serve_tls(folder, client_certificates)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"

    # What the test does

    def apply(self, name: str, *, uid: str | None = None, namespace: str = "default", address: str = "127.0.0.1",
              port: int | None = None, phase: str = "Running", ready: bool = True, terminating: bool = False,
              labels: dict[str, str] | None = None, annotations: dict[str, str] | None = None,
              ports: dict[str, int] | None = None) -> dict:
        """Makes a pod so; one without uid keeps the one that it has."""
        with self.lock:
            key = f"{namespace}/{name}"
            old = self.pods.get(key)
            uid = uid or (old["metadata"]["uid"] if old else f"uid-{name}-{self.version}")
            marks = dict(annotations or {})
            if port:
                marks.setdefault("signalbox.dev/port", str(port))
            pod = {
                "apiVersion": "v1", "kind": "Pod",
                "metadata": {
                    "name": name, "namespace": namespace, "uid": uid, "labels": labels or {"app": "sglang"},
                    "annotations": marks,
                    "creationTimestamp": old["metadata"]["creationTimestamp"] if old and old["metadata"]["uid"] == uid
                    else time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(1_700_000_000 + self.version)),
                },
                "spec": {"containers": [{"name": "main", "image": "sglang", "ports": [
                    {"name": name, "containerPort": number} for name, number in (ports or {}).items()]}]},
                "status": {"phase": phase, "conditions": [{"type": "Ready", "status": "True" if ready else "False"}]},
            }
            if address:
                pod["status"]["podIP"] = address
            if terminating:
                pod["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
            self.pods[key] = pod
            self._record("MODIFIED" if old and old["metadata"]["uid"] == uid else "ADDED", pod)
            return pod

    def delete(self, name: str, namespace: str = "default") -> dict:
        with self.lock:
            pod = self.pods.pop(f"{namespace}/{name}")
            self._record("DELETED", pod)
            return pod

    def tell(self, kind: str, pod: dict) -> None:
        """An event as it is, whatever the pods are."""
        with self.lock:
            self._record(kind, pod)

    def vanish(self, name: str, namespace: str = "default") -> None:
        """A pod goes and no watch is told."""
        with self.lock:
            self.pods.pop(f"{namespace}/{name}")

    def forget(self) -> None:
        """What happened so far can be watched no more: 410, also in the watches that are open."""
        with self.lock:
            self.version += 1
            self.forgotten = self.version
            self.lock.notify_all()

    def drop_watches(self) -> None:
        """Cuts the connections of all open watches."""
        with self.lock:
            self.dropped += 1
            self.lock.notify_all()

    def stop(self) -> None:
        self.drop_watches()
        self.server.shutdown()
        self.server.server_close()

    def lists(self) -> int:
        return sum(1 for _, query in list(self.requests) if "watch" not in query and "continue" not in query)

    def kubeconfig(self, path: Path, **user: object) -> Path:
        """A kubeconfig that leads here; `user` replaces the token."""
        cluster: dict[str, object] = {"server": self.url}
        if self.folder:
            cluster["certificate-authority-data"] = base64.b64encode((self.folder / "ca.pem").read_bytes()).decode()
        path.write_text(yaml.safe_dump({
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "contexts": [{"name": "test", "context": {"cluster": "here", "user": "me"}}],
            "clusters": [{"name": "here", "cluster": cluster}],
            "users": [{"name": "me", "user": user or {"token": self.token}}],
        }))
        return path

    # Serving

    def _record(self, kind: str, pod: dict) -> None:
        self.version += 1
        pod["metadata"]["resourceVersion"] = str(self.version)
        self.events.append((self.version, kind, json.loads(json.dumps(pod))))
        self.lock.notify_all()

    def _serve_tls(self, folder: Path, client_certificates: bool) -> None:
        def openssl(*arguments: str) -> None:
            subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

        curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
        openssl("req", "-x509", *curve, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=test-ca")
        (folder / "san").write_text(f"subjectAltName=IP:{self.host}")
        for name in ("server", "client"):
            openssl("req", *curve, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
            openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out",
                    f"{name}.pem", "-days", "2", "-extfile", "san")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "server.pem", folder / "server.key")
        if client_certificates:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(folder / "ca.pem")
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.scheme = "https"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                pass

            def do_GET(self) -> None:
                parts = urlparse(self.path)
                query = {key: values[0] for key, values in parse_qs(parts.query, keep_blank_values=True).items()}
                api.requests.append((parts.path, query))
                if api.token and self.headers.get("Authorization") != f"Bearer {api.token}":
                    return self.fail(401, "Unauthorized")
                if self.discover(parts.path) or api.intercept(self, query):
                    return None
                if api.answer_status:
                    return self.fail(api.answer_status, "pods is forbidden")
                namespace = parts.path.split("/")[4] if parts.path.startswith("/api/v1/namespaces/") else None
                if query.get("watch") and api.refused_watches:
                    return self.fail(api.refused_watches, "no watch for you")
                if query.get("watch"):
                    return self.watch(query, namespace)
                self.list(query, namespace)

            def discover(self, path: str) -> bool:
                """What clients ask before they know which resources there are."""
                verbs = ["get", "list", "watch"]
                documents = {
                    "/api": {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []},
                    "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": []},
                    "/api/v1": {"kind": "APIResourceList", "groupVersion": "v1", "resources": [{
                        "name": "pods", "singularName": "pod", "namespaced": True, "kind": "Pod", "verbs": verbs,
                        "shortNames": ["po"]}]},
                }
                if path in documents:
                    self.answer(200, documents[path])
                elif not re.fullmatch(r"/api/v1/(namespaces/[a-z0-9-]+/)?pods", path):
                    self.fail(404, "the server could not find the requested resource")
                else:
                    return False
                return True

            def selected(self, query: dict[str, str], namespace: str | None) -> list[dict]:
                return [
                    pod for pod in api.pods.values()
                    if matches(query.get("labelSelector", ""), pod["metadata"]["labels"])
                    and namespace in (None, pod["metadata"]["namespace"])
                ]

            def list(self, query: dict[str, str], namespace: str | None) -> None:
                """Every page of a list is of one moment, and its `continue` is good for one use."""
                size = min(int(query.get("limit") or 0) or 10**9, api.page_size or 10**9)
                with api.lock:
                    if token := query.get("continue"):
                        if token not in api.snapshots:
                            return self.fail(410, "The provided continue parameter is too old")
                        version, rest = api.snapshots.pop(token)
                    else:
                        version, rest = str(api.version), self.selected(query, namespace)
                    metadata = {"resourceVersion": version}
                    if len(rest) > size:
                        metadata["continue"] = token = f"token-{len(api.requests)}-{len(rest)}"
                        api.snapshots[token] = (version, rest[size:])
                self.answer(200, {"kind": "PodList", "apiVersion": "v1", "metadata": metadata, "items": rest[:size]})

            def watch(self, query: dict[str, str], namespace: str | None) -> None:
                seen, dropped = int(query.get("resourceVersion") or api.version), api.dropped
                ends = time.monotonic() + int(query.get("timeoutSeconds") or 3_600)
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                with api.lock:
                    api.watches += 1
                    api.lock.notify_all()
                shown = {
                    pod["metadata"]["uid"] for pod in list(api.pods.values())
                    if matches(query.get("labelSelector", ""), pod["metadata"]["labels"])
                }
                bookmark = time.monotonic()
                try:
                    while True:
                        with api.lock:
                            api.lock.wait_for(lambda: api.dropped != dropped or api.forgotten > seen or (
                                not api.is_mute and api.events and api.events[-1][0] > seen), timeout=0.05)
                            if time.monotonic() > ends:
                                return self.chunk(b"")
                            if api.dropped != dropped:
                                self.close_connection = True
                                return self.connection.close()
                            if api.forgotten > seen:
                                self.event("ERROR", {
                                    "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 410,
                                    "reason": "Expired", "message": "too old resource version"})
                                return self.chunk(b"")
                            news = [] if api.is_mute else [event for event in api.events if event[0] > seen]
                        for seen, kind, pod in news:
                            if namespace not in (None, pod["metadata"]["namespace"]):
                                continue
                            uid = pod["metadata"]["uid"]
                            if matches(query.get("labelSelector", ""), pod["metadata"]["labels"]):
                                shown.add(uid)
                                self.event(kind, pod)
                            elif uid in shown:
                                shown.discard(uid)
                                self.event("DELETED", pod)
                        if api.bookmark_seconds and time.monotonic() - bookmark > api.bookmark_seconds and not api.is_mute:
                            bookmark = time.monotonic()
                            self.event("BOOKMARK", {"kind": "Pod", "metadata": {"resourceVersion": str(api.version)}})
                except OSError:
                    self.close_connection = True

            def event(self, kind: str, item: dict) -> None:
                line = json.dumps({"type": kind, "object": item}).encode() + b"\n"
                if api.trickle_seconds:
                    for start in range(0, len(line), 40):
                        self.chunk(line[start:start + 40])
                        time.sleep(api.trickle_seconds)
                else:
                    self.chunk(line)
                if api.garbage is not None:
                    garbage, api.garbage = api.garbage, None
                    self.chunk(garbage)

            def chunk(self, data: bytes) -> None:
                self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
                self.wfile.flush()

            def fail(self, status: int, message: str) -> None:
                self.answer(status, {
                    "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": status, "message": message,
                    "reason": REASONS.get(status, "Unknown")})

            def answer(self, status: int, body: dict) -> None:
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        return Handler
