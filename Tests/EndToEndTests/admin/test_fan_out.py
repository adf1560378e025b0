"""POST /flush_cache and GET /get_loads ask every worker at once, as version 0.3.2 of the original does."""

import json

from support.fleet import Workbench
from support.ports import free_port
from support.recording_worker import response_bytes


def test_flush_cache_reaches_every_worker(bench: Workbench) -> None:
    workers = [bench.recording_worker(lambda connection, request: connection.send(response_bytes("{}"))) for _ in range(2)]
    plane = bench.control_plane()
    for worker in workers:
        plane.admin.add_worker(worker.url)
    answer = plane.admin.post("/flush_cache")
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "success", "message": "Successfully flushed cache on all 2 HTTP workers", "workers_flushed": 2,
        "total_http_workers": 2, "total_workers": 2,
    }
    assert [len(worker.routed("/flush_cache")) for worker in workers] == [1, 1]
    assert all(worker.routed("/flush_cache")[0].method == "POST" for worker in workers)


def test_flush_cache_without_workers_succeeds(bench: Workbench) -> None:
    answer = bench.control_plane().admin.post("/flush_cache")
    assert answer.status_code == 200
    assert answer.json()["message"] == "No HTTP workers available for cache flush"


def test_flush_cache_says_when_it_reached_only_some(bench: Workbench) -> None:
    worker, plane = bench.worker(), bench.control_plane()
    plane.admin.add_worker(worker.url)
    plane.admin.add_worker(f"http://127.0.0.1:{free_port()}", wait="false")
    answer = plane.admin.post("/flush_cache")
    assert answer.status_code == 206
    assert answer.json()["status"] == "partial_success" and answer.json()["workers_flushed"] == 1


def test_get_loads_understands_both_forms_of_a_workers_answer(bench: Workbench) -> None:
    array = json.dumps([{"dp_rank": 0, "num_tokens": 40}, {"dp_rank": 1, "num_tokens": 2}])
    workers = [
        bench.recording_worker(lambda connection, request: connection.send(response_bytes(array))),
        bench.recording_worker(lambda connection, request: connection.send(response_bytes({"load": 7}))),
    ]
    plane = bench.control_plane()
    for worker in workers:
        plane.admin.add_worker(worker.url)
    gone = f"http://127.0.0.1:{free_port()}"
    plane.admin.add_worker(gone, wait="false")
    assert plane.admin.get("/get_loads").json() == {"workers": [
        {"worker": workers[0].url, "load": 42}, {"worker": workers[1].url, "load": 7}, {"worker": gone, "load": -1},
    ]}
