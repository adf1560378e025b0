"""POST /remove_worker: always the original's 200, except without a url."""

import json

from support.fleet import Workbench
from support.raw_http import ask


def test_removes_a_worker_and_answers_the_originals_text(bench: Workbench) -> None:
    worker, plane = bench.worker(), bench.control_plane()
    plane.admin.add_worker(worker.url)
    answer = plane.admin.remove_worker(worker.url)
    assert (answer.status_code, answer.text) == (200, f"Successfully removed worker: {worker.url}")
    assert plane.admin.urls() == []


def test_an_unknown_worker_gets_the_same_text_and_changes_nothing(bench: Workbench) -> None:
    plane = bench.control_plane()
    before, audited = plane.admin.version(), plane.rows("SELECT count(*) FROM audit")
    for text in ("http://127.0.0.1:9", "no url at all"):
        answer = plane.admin.remove_worker(text)
        assert (answer.status_code, answer.text) == (200, f"Successfully removed worker: {text}")
    assert plane.admin.version() == before
    assert plane.rows("SELECT count(*) FROM audit") == audited


def test_a_missing_url_gets_400_with_an_empty_body(bench: Workbench) -> None:
    answer = bench.control_plane().admin.post("/remove_worker")
    assert (answer.status_code, answer.content) == (400, b"")


def test_the_worker_may_be_named_by_any_form_of_its_url(bench: Workbench) -> None:
    worker, plane = bench.worker(), bench.control_plane()
    plane.admin.add_worker(worker.url)
    plane.admin.remove_worker(worker.url + "/")
    assert plane.admin.urls() == []


def test_a_removed_worker_gets_no_request_after_the_version_is_acknowledged(bench: Workbench) -> None:
    kept, removed = bench.recording_worker(), bench.recording_worker()
    plane, data_plane = bench.wired(kept.url, removed.url)
    plane.admin.remove_worker(removed.url)
    plane.admin.wait_until_applied(1)
    before = len(removed.routed())
    for _ in range(20):
        assert ask(data_plane.port, "POST", "/generate", b"{}").status == 200
    assert len(removed.routed()) == before


def test_a_worker_that_is_added_again_is_a_new_incarnation(bench: Workbench) -> None:
    worker, plane = bench.worker(), bench.control_plane()
    plane.admin.add_worker(worker.url)
    first = plane.admin.worker(worker.url)
    plane.admin.remove_worker(worker.url)
    plane.admin.add_worker(worker.url)
    second = plane.admin.worker(worker.url)
    assert first["incarnation"] != second["incarnation"] and first["id"] != second["id"], json.dumps([first, second])
