"""Bad input gets a clear 4xx and changes nothing: same version, same workers, same audit log."""

import json

import pytest

from support.fleet import ControlPlane, Workbench
from support.raw_http import ask

BAD_URLS = {
    "empty": "",
    "no scheme": "127.0.0.1:8000",
    "unknown scheme": "ftp://127.0.0.1:8000",
    "https, until there is TLS to workers": "https://127.0.0.1:8000",
    "userinfo": "http://user:secret@127.0.0.1:8000",
    "fragment": "http://127.0.0.1:8000/#part",
    "query": "http://127.0.0.1:8000/?a=b",
    "port 0": "http://127.0.0.1:0",
    "port too large": "http://127.0.0.1:65536",
    "port no number": "http://127.0.0.1:http",
    "no host": "http://:8000",
    "space": "http://127.0.0.1:8000/a b",
    "line feed": "http://127.0.0.1:8000/\r\nX: y",
    "not ASCII": "http://wörker:8000",
    "9 KB": "http://127.0.0.1:8000/" + "a" * 9000,
    "bracket left open": "http://[::1:8000",
    "dot segments": "http://127.0.0.1:8000/../admin",
}

# Method, path, body: each of them is wrong.
BAD_REQUESTS = {
    "worker without url": ("POST", "/workers", b'{"model":"m"}', 422),
    "worker is no JSON": ("POST", "/workers", b'{"url":', 4),
    "worker is an array": ("POST", "/workers", b'[]', 4),
    "worker's url is a number": ("POST", "/workers", b'{"url":7}', 422),
    "worker's labels are a text": ("POST", "/workers", b'{"url":"http://127.0.0.1:9","labels":"x"}', 422),
    "worker's url is bad": ("POST", "/workers", b'{"url":"http://127.0.0.1:0"}', 4),
    "worker with a key": ("POST", "/workers", b'{"url":"http://127.0.0.1:9","api_key":"k"}', 422),
    "bytes that are no UTF-8": ("POST", "/workers", b'{"url":"\xff\xfe"}', 4),
    "body over the limit": ("POST", "/workers", b" " * (1 << 20) + b" {}", 413),
    "worker id is none": ("GET", "/workers/abc", None, 400),
    "worker id is unknown": ("GET", "/workers/00000000-0000-4000-8000-000000000000", None, 404),
    "unknown worker deleted": ("DELETE", "/workers/00000000-0000-4000-8000-000000000000", None, 404),
    "unknown worker changed": ("PUT", "/workers/00000000-0000-4000-8000-000000000000", b'{"priority":1}', 404),
    "policy unknown": ("PUT", "/policies/default", b'{"name":"astrology"}', 400),
    "policy unknown": ("PUT", "/policies/default", b'{"name":"best"}', 400),
    "setting out of bounds": ("PATCH", "/settings", b'{"payload_bytes_max":0}', 4),
    "setting of another type": ("PATCH", "/settings", b'{"payload_bytes_max":"all"}', 4),
    "unknown path": ("GET", "/no_such_path", None, 404),
    "wrong method": ("GET", "/add_worker", None, 405),
}


def state(plane: ControlPlane) -> tuple:
    return (plane.admin.version(), plane.admin.urls(), plane.rows("SELECT count(*) FROM audit"),
            plane.rows("SELECT count(*) FROM worker"))


def assert_refused(status: int, text: str) -> None:
    assert 400 <= status < 500, (status, text)
    assert len(text) > 10, "the answer does not say what is wrong"
    assert "secret" not in text, "the answer repeats a password"


def test_bad_urls_change_nothing(bench: Workbench) -> None:
    plane = bench.control_plane("--worker-startup-timeout-secs", 2)
    before = state(plane)
    for name, url in BAD_URLS.items():
        for parameters in ({}, {"wait": "false"}):
            answer = plane.admin.add_worker(url, **parameters)
            try:
                assert_refused(answer.status_code, answer.text)
            except AssertionError as error:
                raise AssertionError(f"{name}: {error}") from None
        answer = plane.admin.post("/workers", content=json.dumps({"url": url}))
        assert 400 <= answer.status_code < 500, (name, answer.text)
    assert state(plane) == before


@pytest.fixture(scope="module")
def shared_plane():
    bench = Workbench()
    try:
        yield bench.control_plane()
    finally:
        problems = bench.close()
    assert not problems, problems


@pytest.mark.parametrize("name", BAD_REQUESTS)
def test_a_bad_request_changes_nothing(shared_plane: ControlPlane, name: str) -> None:
    method, path, body, expected = BAD_REQUESTS[name]
    before = state(shared_plane)
    answer = ask(shared_plane.admin_port, method, path, body, {"Content-Type": "application/json"})
    assert answer.status == expected or answer.status // 100 == expected, (answer.status, answer.body[:300])
    assert state(shared_plane) == before


def test_repeated_url_parameters_add_no_more_than_one_worker(bench: Workbench) -> None:
    plane = bench.control_plane("--worker-startup-timeout-secs", 1)
    answer = ask(plane.admin_port, "POST", "/add_worker?url=http://127.0.0.1:9&url=http://127.0.0.1:10", b"")
    assert 400 <= answer.status < 500
    assert plane.admin.urls() == []


def test_a_sentence_names_the_fix(bench: Workbench) -> None:
    plane = bench.control_plane()
    assert "http://127.0.0.1:8000" in plane.admin.add_worker("127.0.0.1:8000").text
    assert "TLS" in plane.admin.add_worker("https://127.0.0.1:8000").text
    policy = plane.admin.put("/policies/default", json={"name": "astrology"}).text
    assert "There is no policy" in policy and "least_load" in policy
