"""openapi/control-plane.yaml says what the admin API does, no more and no less."""

import json
import re

from support.contract import Contract
from support.fleet import PROJECT, Workbench
from support.ports import free_port
from support.waiting import wait_for

DOCUMENT = PROJECT / "openapi" / "control-plane.yaml"
ROUTE = re.compile(r'AdminRoute\(\s*\.(\w+),\s*"([^"]+)"')


def test_it_names_exactly_the_routes_of_the_source() -> None:
    folder = PROJECT / "Sources" / "ControlPlane" / "API"
    routes = {(method.upper(), path) for file in folder.rglob("*.swift") for method, path in ROUTE.findall(file.read_text())}
    assert routes and routes == Contract(DOCUMENT).operations()


def test_both_documents_give_settings_the_same_values() -> None:
    published = json.loads((PROJECT / "openapi" / "snapshot.schema.json").read_text())["$defs"]
    administered = Contract(DOCUMENT).document["components"]["schemas"]
    for ours, theirs in (("SettingValues", "settings"), ("ModelSettingValues", "timeouts")):
        ours, theirs = administered[ours]["properties"], published[theirs]["properties"]
        assert ours.keys() == theirs.keys()
        for name in ours:
            for word in ("minimum", "maximum", "maxLength", "pattern"):
                assert ours[name].get(word) == theirs[name].get(word), (name, word)
            assert [choice for choice in ours[name].get("enum", []) if choice] == theirs[name].get("enum", []), name


def test_every_operation_answers_as_documented(bench: Workbench) -> None:
    contract = Contract(DOCUMENT)
    worker, plane = bench.worker(), bench.control_plane("--worker-startup-timeout-secs", 1)
    bench.data_plane(plane.control_socket)
    plane.admin.wait_until_applied(1)

    def ask(method: str, path: str, body: dict | None = None, expected: int = 200) -> dict:
        answer = contract.ask(plane.admin_port, method, path, body)
        assert answer.status == expected, (method, path, answer.status, answer.body[:200])
        is_json = answer.body and (answer.header("content-type") or "").startswith("application/json")
        return json.loads(answer.body) if is_json else {}

    absent = f"http://127.0.0.1:{free_port()}"
    ask("POST", f"/add_worker?url={worker.url}")
    ask("POST", f"/add_worker?url={worker.url}", expected=400)
    ask("POST", f"/add_worker?url={absent}", expected=400)
    ask("POST", f"/add_worker?url={absent}&wait=false", expected=202)
    ask("POST", "/add_worker", expected=400)
    ask("GET", "/list_workers")
    ask("POST", f"/remove_worker?url={absent}")
    ask("POST", "/remove_worker", expected=400)
    ask("POST", "/flush_cache")
    ask("POST", "/data_planes/restart", expected=409)
    ask("GET", "/get_loads")

    identity = ask("POST", "/workers", {"url": absent}, 202)["worker_id"]
    ask("POST", "/workers", {"url": absent}, 409)
    ask("POST", "/workers", {}, 422)
    ask("POST", "/flush_cache", expected=206)
    ask("GET", "/workers")
    ask("GET", f"/workers/{identity}")
    ask("GET", "/workers/none", expected=400)
    ask("GET", "/workers/00000000-0000-4000-8000-000000000000", expected=404)
    ask("PUT", f"/workers/{identity}", {"priority": 1, "labels": {"zone": "a"}}, 202)
    ask("PUT", f"/workers/{identity}", {"priority": "high"}, 422)
    ask("POST", f"/workers/{identity}/activate", expected=202)
    ask("DELETE", f"/workers/{identity}", expected=202)
    wait_for("the worker to be gone", lambda: plane.admin.get(f"/workers/{identity}").status_code == 404)
    ask("DELETE", f"/workers/{identity}", expected=404)
    ask("POST", f"/workers/{identity}/activate", expected=404)

    ask("PUT", "/policies/default", {"name": "round_robin"})
    ask("PUT", "/policies/default", {"name": "cache_aware", "parameters": {"cache_threshold": 0.5}})
    ask("PUT", "/policies/default", {"name": "astrology"}, 400)
    ask("PUT", "/policies/default", {"name": "cache_aware", "parameters": {"speed": 1}}, 422)
    ask("PUT", "/policies/models/simulated", {"name": "random"})
    ask("GET", "/policies")
    ask("DELETE", "/policies/models/simulated")
    ask("DELETE", "/models/nobody", expected=404)
    other = bench.worker(model="other")
    ask("POST", f"/add_worker?url={other.url}")
    ask("DELETE", "/models/other", expected=409)
    ask("POST", f"/remove_worker?url={other.url}")
    wait_for("the worker to be gone", lambda: other.url not in plane.admin.urls())
    assert {"model": "other", "workers": 0, "known": True} in ask("GET", "/models")["models"]
    ask("DELETE", "/models/other")
    ask("PATCH", "/settings", {"queue_timeout_milliseconds": 100, "half_close": "allow", "via": ""})
    ask("PATCH", "/settings", {"half_close": "maybe"}, 422)
    ask("PATCH", "/settings/models/simulated", {"first_byte_timeout_milliseconds": 5000})
    ask("PATCH", "/settings/models/simulated", {"head_timeout_milliseconds": 5000}, 422)
    ask("GET", "/settings")
    ask("DELETE", "/settings/models/simulated")
    ask("DELETE", "/settings/models/simulated", expected=404)

    ask("GET", "/audit?limit=5")
    sequence = ask("GET", "/snapshots")["snapshots"][0]["version"]["sequence"]
    ask("GET", f"/snapshots/{sequence}")
    ask("GET", "/snapshots/999999", expected=404)
    assert ask("GET", "/discovery")["enabled"] is False
    for path in ("/data_planes", "/version", "/health", "/liveness", "/readiness"):
        ask("GET", path)
    assert contract.exercised == contract.operations()
