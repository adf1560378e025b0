"""A model without a worker is not the same as a name that nobody has ever had."""

import json
from urllib.parse import quote

from support.fleet import DataPlane, Workbench
from support.limits import limit
from support.raw_http import Response, ask
from support.waiting import wait_for


def chat(proxy: DataPlane, model: str) -> Response:
    return ask(proxy.port, "POST", "/v1/chat/completions", json.dumps({"model": model}).encode())


def test_a_model_whose_workers_are_gone_is_answered_by_no_other_model(bench: Workbench) -> None:
    first, second = bench.recording_worker(model="org/first"), bench.recording_worker(model="org/second")
    plane, proxy = bench.wired(first.url, second.url)
    admin = plane.admin
    assert chat(proxy, "org/second").status == 200 and chat(proxy, "nobody").status == 404

    assert admin.remove_worker(second.url).status_code == 200
    wait_for("the worker to be gone", lambda: admin.urls() == [first.url], limit(10))
    admin.wait_until_applied(1)
    assert admin.get("/models").json()["models"] == [
        {"model": "org/first", "workers": 1, "known": True}, {"model": "org/second", "workers": 0, "known": True}]
    answer = chat(proxy, "org/second")
    assert answer.status == 503 and answer.header("retry-after") == "1"
    assert json.loads(answer.body)["error"]["code"] == "no_worker"
    assert chat(proxy, "org/first").status == 200
    assert chat(proxy, "any other name").status == 200, "workers that do not differ take any name, as SGLang does"

    # It is in the store: another control plane and another data plane know it as well.
    plane.terminate()
    plane = bench.control_plane(runtime_folder=plane.runtime_folder, database=plane.database)
    other = bench.data_plane(plane.control_socket)
    bench.wait_ready(other)
    assert chat(other, "org/second").status == 503

    forgotten = plane.admin.delete(f"/models/{quote('org/second', safe='')}")
    assert forgotten.status_code == 200 and forgotten.json()["model"] == "org/second"
    plane.admin.wait_until_applied(2)
    assert chat(other, "org/second").status == 200
    assert plane.rows("SELECT action, subject FROM audit ORDER BY id DESC LIMIT 1") == [
        ("model.forgotten", "model org/second")]


def test_a_model_that_is_served_cannot_be_forgotten(bench: Workbench) -> None:
    plane, proxy = bench.wired(bench.recording_worker(model="a").url, bench.recording_worker(model="b").url)
    refused = plane.admin.delete("/models/a")
    assert refused.status_code == 409 and refused.json()["code"] == "MODEL_SERVED"
    assert "1 worker serves" in refused.json()["error"]
    absent = plane.admin.delete("/models/c")
    assert absent.status_code == 404 and absent.json()["code"] == "MODEL_NOT_FOUND"
    assert chat(proxy, "a").status == 200 and chat(proxy, "b").status == 200
