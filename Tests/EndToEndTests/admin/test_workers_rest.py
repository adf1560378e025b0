"""The /workers family: create, read, change and delete by UUID or by percent-encoded URL."""

from urllib.parse import quote

from support.fleet import Workbench
from support.limits import limit
from support.waiting import wait_for


def test_post_is_accepted_with_a_location_that_leads_to_the_worker(bench: Workbench) -> None:
    worker, plane = bench.worker(), bench.control_plane()
    answer = plane.admin.post("/workers", json={"url": worker.url, "labels": {"zone": "a"}})
    body = answer.json()
    assert answer.status_code == 202
    assert answer.headers["location"] == f"/workers/{body['worker_id']}" == body["location"]
    assert body["url"] == worker.url and body["status"] == "accepted"
    found = plane.admin.get(answer.headers["location"]).json()
    assert (found["id"], found["url"], found["labels"]) == (body["worker_id"], worker.url, {"zone": "a"})
    wait_for("the worker to be ready", lambda: plane.admin.worker(worker.url)["is_healthy"], limit(5))


def test_a_duplicate_is_a_conflict(bench: Workbench) -> None:
    worker, plane = bench.worker(), bench.control_plane()
    assert plane.admin.post("/workers", json={"url": worker.url}).status_code == 202
    before = plane.rows("SELECT count(*) FROM worker")
    answer = plane.admin.post("/workers", json={"url": worker.url + "/"})
    assert answer.status_code == 409
    assert answer.json()["code"] == "WORKER_ALREADY_EXISTS"
    assert plane.rows("SELECT count(*) FROM worker") == before


def test_the_list_counts_the_workers(bench: Workbench) -> None:
    plane = bench.control_plane("--disable-health-check")
    urls = [f"http://127.0.0.1:{port}" for port in (9001, 9002, 9003)]
    for url in urls:
        plane.admin.post("/workers", json={"url": url})
    answer = plane.admin.get("/workers").json()
    assert [worker["url"] for worker in answer["workers"]] == urls
    assert answer["total"] == 3
    assert answer["stats"] == {"prefill_count": 0, "decode_count": 0, "regular_count": 3}


def test_a_worker_is_found_by_uuid_and_by_percent_encoded_url(bench: Workbench) -> None:
    worker, plane = bench.worker(), bench.control_plane()
    plane.admin.add_worker(worker.url)
    by_url = plane.admin.get("/workers/" + quote(worker.url, safe="")).json()
    by_id = plane.admin.get(f"/workers/{by_url['id']}").json()
    assert by_url["id"] == by_id["id"]
    for key in ("model_id", "priority", "cost", "worker_type", "is_healthy", "load", "connection_mode", "incarnation",
                "state", "source", "weight", "models"):
        assert key in by_id, key
    assert by_id["model_id"] == "simulated" and by_id["state"] == "ready"


def test_put_changes_what_it_names_and_is_audited(bench: Workbench) -> None:
    worker, plane = bench.worker(), bench.control_plane()
    plane.admin.add_worker(worker.url)
    identity = plane.admin.worker(worker.url)["id"]
    before = plane.admin.version()[1]
    answer = plane.admin.put(f"/workers/{identity}", json={"priority": 70, "labels": {"a": "b"}})
    assert answer.status_code == 202 and answer.json()["worker_id"] == identity
    changed = plane.admin.worker(worker.url)
    assert changed["priority"] == 70 and changed["labels"] == {"a": "b"}
    assert plane.admin.version()[1] == before + 1
    old, new = plane.rows("SELECT before, after FROM audit ORDER BY id DESC LIMIT 1")[0]
    assert '"b"' in new and '"b"' not in old


def test_delete_is_accepted_once(bench: Workbench) -> None:
    worker, plane = bench.worker(), bench.control_plane()
    plane.admin.add_worker(worker.url)
    identity = plane.admin.worker(worker.url)["id"]
    answer = plane.admin.delete(f"/workers/{identity}")
    assert answer.status_code == 202 and answer.json()["worker_id"] == identity
    assert plane.admin.urls() == []
    again = plane.admin.delete(f"/workers/{identity}")
    assert again.status_code == 404
    assert again.json() == {"error": f"Worker {identity} not found", "code": "WORKER_NOT_FOUND"}


def test_an_id_that_is_none_is_named(bench: Workbench) -> None:
    answer = bench.control_plane().admin.get("/workers/abc")
    assert answer.status_code == 400
    assert "abc" in answer.json()["error"] and answer.json()["code"] == "BAD_REQUEST"
