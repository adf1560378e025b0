"""The data port of `launch` answers the admin paths, for peers that may ask."""

import json
import os
import signal
import subprocess

import pytest

from support.fleet import Launch, Workbench
from support.ports import own_address
from support.processes import freeze
from support.waiting import wait_for
from support.raw_http import RawConnection, ask


def launch(bench: Workbench, mode: str | None, host: str = "127.0.0.1") -> Launch:
    flags = ["--host", host, "--disable-health-check"]
    return bench.launch(*flags, *(["--forward-admin", mode] if mode else []))


def test_curl_on_the_data_port_works_as_with_the_original(bench: Workbench) -> None:
    fleet, worker = launch(bench, None), bench.worker()
    for path, expected in ((f"/add_worker?url={worker.url}", f"Successfully added worker: {worker.url}"),
                           (f"/remove_worker?url={worker.url}", f"Successfully removed worker: {worker.url}")):
        answer = subprocess.run(["curl", "--silent", "--request", "POST", f"localhost:{fleet.port}{path}"],
                                capture_output=True, text=True)
        assert answer.stdout == expected
    assert json.loads(ask(fleet.port, "GET", "/list_workers").body) == {"urls": []}
    assert ask(fleet.port, "GET", "/data_planes").status == 200
    assert ask(fleet.port, "GET", "/workers").status == 200
    assert ask(fleet.port, "POST", "/flush_cache", b"").status == 200


def test_the_rest_family_passes_with_bodies_and_locations(bench: Workbench) -> None:
    fleet = launch(bench, None)
    with RawConnection(fleet.port) as connection:
        created = connection.ask("POST", "/workers", b'{"url":"http://127.0.0.1:9101"}', {"Content-Type": "application/json"})
        assert created.status == 202
        location = created.header("location")
        assert connection.ask("GET", location).status == 200
        assert connection.ask("GET", "/workers/http%3A%2F%2F127.0.0.1%3A9101").status == 200
        assert connection.ask("DELETE", location).status == 202
        wait_for("the worker to be gone", lambda: connection.ask("GET", location).status == 404)
        assert connection.ask("GET", "/health").status == 200


def test_the_audit_log_has_the_address_of_the_peer_and_no_forged_one(bench: Workbench) -> None:
    fleet = launch(bench, None)
    with RawConnection(("127.0.0.1", fleet.port), source="127.0.0.9") as connection:
        answer = connection.ask("POST", "/add_worker?url=http://127.0.0.1:9101&wait=false", b"",
                                {"X-Signalbox-Source-Address": "10.9.9.9", "x-signalbox-source-address": "10.8.8.8"})
        assert answer.status == 202
    [(address,)] = fleet.rows("SELECT source_address FROM audit WHERE subject LIKE '%9101%' AND actor = 'api'")
    assert address == "127.0.0.9"


def test_off_forwards_nothing_and_names_the_flag(bench: Workbench) -> None:
    fleet = launch(bench, "off")
    for method, path in (("POST", "/add_worker?url=http://127.0.0.1:9101"), ("GET", "/list_workers"), ("GET", "/workers")):
        answer = ask(fleet.port, method, path, b"" if method == "POST" else None)
        assert answer.status == 403 and b"--forward-admin" in answer.body
    assert fleet.admin.urls() == []


def test_other_peers_get_403_that_names_the_flag(bench: Workbench) -> None:
    address = own_address()
    if not address:
        pytest.skip("this machine has no address but the loopback one")
    fleet = launch(bench, "loopback", host="0.0.0.0")
    answer = ask((address, fleet.port), "POST", "/add_worker?url=http://127.0.0.1:9101&wait=false", b"")
    assert answer.status == 403
    assert b"--forward-admin" in answer.body
    assert ask((address, fleet.port), "GET", "/list_workers").status == 403
    assert ask((address, fleet.port), "GET", "/health").status == 200
    assert fleet.admin.urls() == []
    assert ask(fleet.port, "GET", "/list_workers").status == 200


def test_all_lets_every_peer_in(bench: Workbench) -> None:
    address = own_address()
    if not address:
        pytest.skip("this machine has no address but the loopback one")
    fleet = launch(bench, "all", host="0.0.0.0")
    answer = ask((address, fleet.port), "POST", "/add_worker?url=http://127.0.0.1:9101&wait=false", b"")
    assert answer.status == 202
    [(source,)] = fleet.rows("SELECT source_address FROM audit WHERE subject LIKE '%9101%' AND actor = 'api'")
    assert source == address


def test_while_the_control_plane_is_away_the_answer_is_an_error_and_traffic_flows(bench: Workbench) -> None:
    worker = bench.worker()
    fleet = bench.launch(workers=[worker.url])
    bench.wait_ready(fleet)
    victim = fleet.control_plane_pid()
    freeze(victim)
    try:
        with RawConnection(fleet.port) as waiting:
            waiting.send("GET /list_workers HTTP/1.1\r\nHost: t\r\n\r\n")
            assert ask(fleet.port, "GET", "/readiness").status == 200
            body = b'{"model":"simulated","max_tokens":1,"messages":[{"role":"user","content":"hi"}]}'
            assert ask(fleet.port, "POST", "/v1/chat/completions", body).status == 200
            os.kill(victim, signal.SIGCONT)
            assert waiting.read_response().status == 200
    finally:
        os.kill(victim, signal.SIGCONT)
