"""What operators say to the control plane, with a secret in each part of it."""

from support.canary_requests import CanaryRequests
from support.fleet import ControlPlane

NAMES = ("Authorization", "Proxy-Authorization", "Cookie", "X-Api-Key", "X-Custom", "User-Agent", "Referer", "X-Forwarded-For",
         "X-Request-Id", "traceparent", "X-Signalbox-Source-Address")


def tell_the_control_plane(requests: CanaryRequests, plane: ControlPlane) -> dict[str, str]:
    """Says everything on both ports that take it; returns what is answered to what."""
    def secret(place: str) -> str:
        return requests.canaries.secret(f"operator: {place}")

    identity = plane.admin.workers()[0]["id"]
    given = requests.fields()
    fields = {name: given[name] for name in NAMES}
    address = "127.0.0.1:9"
    answers = {}

    def say(method: str, path: str, body: dict | bytes, fields: dict[str, str], port: int) -> int:
        answer = requests.ask(path, body, fields, method, port)
        answers[f"{method} {path} {body} on {port}"] = f"{answer.reason} {answer.headers} {answer.body.decode()}"
        return answer.status

    for port in (requests.port, plane.admin_port):
        for method, path, body, status in (
            ("POST", "/workers", {"url": f"http://{address}", "api_key": secret("api_key")}, 422),
            ("PUT", f"/workers/{identity}", {"api_key": secret("api_key of a change")}, 422),
            ("POST", "/workers", {"url": 7, "model_id": secret("field of a refused worker")}, 422),
            ("POST", "/workers", ('{"url": "' + secret("broken JSON")).encode(), 400),
            ("POST", "/workers", {"url": f"http://user:{secret('password')}@{address}"}, 400),
            ("POST", f"/add_worker?url=http://user:{secret('password')}@{address}", b"", 400),
            ("POST", f"/add_worker?url=http://{address}/?key={secret('query of a URL')}", b"", 400),
            ("POST", f"/add_worker?url=http://{address}&wait={secret('parameter')}", b"", 400),
            ("POST", f"/flush_cache?key={secret('query')}", secret("body that nobody reads").encode(), 200),
            ("GET", f"/list_workers?key={secret('query')}", b"", 200),
        ):
            assert say(method, path, body, fields, port) == status, (method, path, body)
    for method, path, body, status in (
        ("PATCH", "/settings", {"via": [secret("setting")]}, 422),
        ("PATCH", "/settings/models/m", {"queue_timeout_milliseconds": [secret("setting of a model")]}, 422),
        ("PUT", "/policies/default", {"name": "kv_cost", "parameters": secret("parameters")}, 422),
        ("PUT", "/policies/default", secret("policy").encode(), 400),
        ("GET", f"/{secret('unknown path')}", b"", 404),
    ):
        assert say(method, path, body, fields, plane.admin_port) == status, (method, path, body)
    named = fields | {"X-Request-Id": secret("id")}
    assert requests.ask("/settings", {"via": "signalbox-2"}, named, "PATCH", plane.admin_port).status == 200
    return answers
