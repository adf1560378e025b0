"""What clients send never shows in what operators read."""

import json
import subprocess

import httpx
import pytest

from support.fleet import Workbench
from support.ports import free_port
from support.raw_http import RawConnection
from support.recording_worker import RecordedRequest, WorkerConnection, response_bytes

SECRET = "canary-7f3a9c51"


def respond(connection: WorkerConnection, request: RecordedRequest) -> bool:
    """Answers as the body wishes; whether the connection stays."""
    wish = json.loads(request.body).get("wish") if request.body.startswith(b"{") else None
    if wish == "break":
        return False
    if wish == "nonsense":
        connection.send(f"HTTP/9 {SECRET}\r\n\r\n".encode())
    else:
        status = "200 OK" if wish is None else f"{wish} {SECRET}"
        connection.send(response_bytes(json.dumps({"text": SECRET}), status=status, headers=(f"X-Answer: {SECRET}",)))
    return wish != "nonsense"


@pytest.mark.parametrize("form", ["text", "json"])
def test_no_header_body_or_query_of_a_client_shows_in_logs_metrics_or_status(bench: Workbench, form: str) -> None:
    folder = bench.folder / "logs"
    workers = [bench.recording_worker(respond) for _ in range(2)]
    metrics = free_port()
    launch = bench.launch("--log-level", "debug", "--prometheus-port", metrics, "--log-dir", folder, "--explain", "1",
                          "--access-log", "full", "--log-format", form,
                          workers=[worker.url for worker in workers])
    bench.wait_ready(launch)
    fields = {"Content-Type": "application/json", "Authorization": f"Bearer {SECRET}", "Cookie": SECRET,
              "X-Api-Key": SECRET, "X-Signalbox-Explain": "1", "X-Forwarded-For": SECRET, "Via": f"1.1 {SECRET}",
              "traceparent": SECRET, "tracestate": f"a={SECRET}", "User-Agent": SECRET}
    statuses = set()
    for wish in (None, "500", "503", "404", "break", "nonsense"):
        for path in ("/generate", f"/v1/chat/completions?key={SECRET}"):
            body = {"model": SECRET, "text": SECRET, "messages": [{"role": "user", "content": SECRET}], "user": SECRET}
            with RawConnection(launch.port) as client:
                answer = client.ask("POST", path, json.dumps(body | ({"wish": wish} if wish else {})).encode(), fields)
                statuses.add(answer.status)
    assert {200, 404, 500, 502, 503} <= statuses
    seen = {}
    for request in (f"GET /{SECRET} HTTP/1.1\r\nHost: {SECRET}\r\n\r\n", f"GET / HTTP/1.1\r\n{SECRET} : x\r\n\r\n",
                    f"{SECRET}\r\n\r\n", f"POST /generate HTTP/1.1\r\nHost: a\r\nContent-Length: {SECRET}\r\n\r\n"):
        with RawConnection(launch.port) as client:
            client.send(request.encode())
            refusal = client.read_response()
        assert refusal.status >= 400
        seen[f"answer to {request[:12]}"] = f"{refusal.reason} {refusal.headers} {refusal.body.decode()}"
    token = {"Authorization": f"Bearer {SECRET}", "Cookie": SECRET}
    for path, body in (("/workers", f'{{"url": 7, "api_key": "{SECRET}"}}'), ("/workers", f'{{"{SECRET}'),
                       ("/flush_cache", SECRET)):
        answer_of_admin = launch.admin.post(path, content=body, headers=token)
        seen[f"answer of {path} to {body[:8]}"] = f"{answer_of_admin.headers} {answer_of_admin.text}"
    seen |= {"console": launch.log()} | {path.name: path.read_text() for path in folder.iterdir()}
    for path in ("/workers", "/data_planes", "/audit", "/snapshots", "/settings", "/policies", "/get_loads"):
        seen[path] = launch.admin.get(path, headers=token).text
    seen["/metrics"] = httpx.get(f"http://127.0.0.1:{metrics}/metrics").text
    [socket] = (launch.runtime_folder / "data-planes").iterdir()
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(socket)), base_url="http://data-plane") as operator:
        seen["operator"] = operator.get("/").text + operator.get(f"/explain/{answer.header('x-request-id')}").text
    assert '"picks"' in seen["operator"]
    if form == "json":
        # A foreign parser takes every line.
        for place in (path.name for path in folder.iterdir()):
            parsed = subprocess.run(["jq", "-e", ".message"], input=seen[place], text=True, capture_output=True, check=False)
            assert parsed.returncode == 0 and '"request"' in parsed.stdout, parsed.stderr
    assert all(seen.values())
    assert {place for place, text in seen.items() if SECRET in text} == set()
