"""Whatever clients, workers and operators call things: logs and metrics stay what foreign parsers read."""

import json
import os
import re
import subprocess

import pytest
from prometheus_client.parser import text_string_to_metric_families

from support.fleet import Workbench, binary
from support.limits import limit
from support.metrics import lint, page, samples
from support.ports import free_port
from support.raw_http import RawConnection
from support.recording_worker import RecordedRequest, WorkerConnection, response_bytes
from support.snapshots import SnapshotClient
from support.waiting import wait_for

# Line ends of all kinds, escape codes, quotes, a forged line, what is invalid in UTF-8, and a nul.
HOSTILE = 'a"b\\c\x1b[31m\r\nERROR forged\u2028 x="y"} 1\x00\x7f\x9b'
BYTES = HOSTILE.encode() + b"\xff\xfe\xc0\x80"
TEXT_LINE = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (TRACE|DEBUG|INFO|NOTICE|WARNING|ERROR|CRITICAL) ")
# What no log may hold: all controls but the line feed, and the other ends of lines that parsers know.
CONTROLS = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029]")


def respond(connection: WorkerConnection, request: RecordedRequest) -> bool:
    """Answers that are hostile themselves."""
    if b"nonsense" in request.body:
        connection.send(b"HTTP/1.1 200 " + BYTES + b"\r\n\r\n")
        return False
    if request.path.endswith(("/v1/models", "/get_server_info", "/get_model_info")):
        connection.send(response_bytes(json.dumps({"model_path": HOSTILE, "data": [{"id": HOSTILE, "object": "model"}]})))
    else:
        connection.send(response_bytes(json.dumps({"text": HOSTILE})))
    return True


def ask_hostile_things(port: int) -> None:
    """Heads and bodies that are well formed, and ones that are not."""
    body = json.dumps({"model": HOSTILE, "text": HOSTILE}).encode()
    for path in (b"/generate", b"/generate?q=%0a%1b%22", b"/%0d%0a%1b[31m", b"/\"}{"):
        for fields in (b"", b"X-Request-Id: a\"b\\c\r\n", b"X-Request-Id: \xff\xfe\r\n", b"User-Agent: \xc3\x28 \"\r\n",
                       b"traceparent: 00-\"\r\ntracestate: \\\"=\r\n"):
            for content in (body, b"nonsense", b"\xff\xfe"):
                head = b"POST " + path + b" HTTP/1.1\r\nHost: t\r\n" + fields
                exchange(port, head + b"Content-Length: %d\r\n\r\n" % len(content) + content)
    for raw in (BYTES + b"\r\n\r\n", b"GET /" + BYTES + b" HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\n" + BYTES + b": x\r\n\r\n",
                b"GET / HTTP/1.1\r\nHost: t\r\nX-Request-Id: " + BYTES + b"\r\n\r\n"):
        exchange(port, raw)


def exchange(port: int, raw: bytes) -> None:
    """Sends it and takes the beginning of whatever comes."""
    with RawConnection(port) as client:
        client.send(raw)
        client.receive()


def tell_hostile_things(plane: object) -> None:
    """What operators and data planes of any version may say."""
    admin = plane.admin
    admin.post("/workers", json={"url": f"http://127.0.0.1:1/{HOSTILE}"})
    admin.post("/workers", json={"url": HOSTILE, "labels": {HOSTILE: HOSTILE}, "model_id": HOSTILE})
    admin.post("/workers", content=BYTES)
    for query in (b"url=" + b"%ff%1b%0a%22", b"url=http://%0aERROR"):
        admin.client.post("/add_worker?" + query.decode())
    with RawConnection(plane.admin_port) as client:
        client.send(b"POST /add_worker?url=" + BYTES + b" HTTP/1.1\r\nHost: t\r\nX-Request-Id: \xff\"\r\n\r\n")
        client.receive()
    admin.put("/settings", json={HOSTILE: HOSTILE})
    with SnapshotClient(plane.control_socket, 'b"\\{x="y"}', {"software": HOSTILE}) as client:
        header, _ = client.snapshot(acknowledge=False)
        client.reject(header, HOSTILE)
        wait_for("the refusal", lambda: any(
            entry["last_error"] and entry["last_error"].startswith('a"b') for entry in admin.data_planes()))


@pytest.mark.parametrize("form", ["text", "json"])
def test_hostile_names_headers_and_paths_break_no_parser(bench: Workbench, form: str) -> None:
    metrics, folder = free_port(), bench.folder / "logs"
    common = ("--log-format", form, "--log-level", "debug", "--log-dir", folder)
    plane = bench.control_plane("--prometheus-port", metrics, *common)
    name = 'dp"\\{a="b"}'
    proxy = bench.data_plane(plane.control_socket, "--access-log", "full", *common, name=name)
    worker = bench.recording_worker(respond)
    given = f"{worker.url}/a'b$(c);d=~*!"
    added = plane.admin.post("/workers", json={"url": given, "labels": {HOSTILE: HOSTILE, "b": "\ud800".encode(
        "utf-8", "surrogatepass").decode("latin-1")}, "model_id": HOSTILE})
    assert added.status_code in (200, 201, 202), added.text
    plane.admin.wait_until_applied(1)
    bench.wait_ready(proxy)
    ask_hostile_things(proxy.port)
    tell_hostile_things(plane)

    text = page(metrics)
    lint(text)
    assert not CONTROLS.search(text)
    labels = [sample.labels for family in text_string_to_metric_families(text) for sample in family.samples]
    assert {entry["worker"] for entry in labels if "worker" in entry} == {given}
    assert {entry["data_plane"] for entry in labels if "data_plane" in entry} == {name, 'b"\\{x="y"}'}
    [software] = [dict(key)["version"] for key in samples(
        metrics, "signalbox_data_plane_info", data_plane='b"\\{x="y"}')]
    assert software.startswith('a"b\\c?[31m?\nERROR forged')

    wait_for("lines of the access log", lambda: proxy.log().count("outcome") >= 60, limit(10))
    files = {path.name: path.read_bytes().decode() for path in folder.iterdir()}
    for place, log in ({"control plane": plane.log(), "data plane": proxy.log()} | files).items():
        assert log.count("\n") >= 10 and log.endswith("\n")
        assert not CONTROLS.search(log), place
        # The greeting on standard output is no event.
        greeting = f"signalbox-proxy: serving on http://127.0.0.1:{proxy.port}"
        lines = [line for line in log.split("\n")[:-1] if line != greeting]
        if form == "text":
            assert [line for line in lines if not TEXT_LINE.match(line)] == [], place
            continue
        parsed = subprocess.run(["jq", "-c", "[.time, .level, .message] | map(type)"], input="\n".join(lines).encode(),
                                capture_output=True, check=False)
        assert parsed.returncode == 0, parsed.stderr
        assert parsed.stdout.decode().split("\n")[:-1] == ['["string","string","string"]'] * len(lines), place
        for line in lines:
            json.loads(line, object_pairs_hook=without_repeats)


def without_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """No event brings a second field of a name."""
    assert len({name for name, _ in pairs}) == len(pairs), pairs
    return dict(pairs)


def test_nothing_is_coloured_in_a_pipe(bench: Workbench) -> None:
    process = subprocess.Popen(
        [binary("signalbox"), "control-plane", "--admin-port", str(free_port()), "--prometheus-port", "0",
         "--runtime-dir", bench.folder / "r", "--database", bench.folder / "d.db"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env={"PATH": os.environ["PATH"], "TERM": "xterm-256color"})
    seen = b""
    try:
        while b"The control plane is ready." not in seen:
            seen += os.read(process.stdout.fileno(), 4096)
    finally:
        process.terminate()
        process.wait(timeout=limit(20))
    assert b"\x1b" not in seen + process.stdout.read()
