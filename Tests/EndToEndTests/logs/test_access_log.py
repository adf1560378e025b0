"""One line for each request: who, where, how long, how many tokens; never what was said."""

import json
import os
import re
import subprocess
from pathlib import Path

from support.fleet import PROJECT, Launch, Workbench, binary
from support.limits import limit
from support.ports import free_port
from support.raw_http import ask
from support.waiting import wait_for

JSON = {"Content-Type": "application/json"}


def lines(log: str) -> list[dict]:
    events = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    return [event for event in events if event["message"] == "request"]


def generate(launch: Launch, number: int, text: str = "secret prompt", **headers: str) -> int:
    body = json.dumps({"text": text}).encode()
    return ask(launch.port, "POST", "/generate?key=secret", body, JSON | {"X-Request-Id": f"req-{number}"} | headers).status


def test_full_tells_of_every_request(bench: Workbench, tmp_path: Path) -> None:
    worker = bench.worker()
    launch = bench.launch("--access-log", "full", "--log-format", "json", "--log-dir", tmp_path, workers=[worker.url])
    bench.wait_ready(launch)
    for number in range(300):
        assert generate(launch, number, Authorization="Bearer secret") == 200
    assert ask(launch.port, "GET", "/no/such/path").status == 404
    found = wait_for("all lines", lambda: (
        found if len(found := lines(launch.log())) >= 301 else None), limit(10))
    served = [line for line in found if line["route"] == "/generate"]
    # Each thread has a ring of its own, so that lines of the same moment may change places.
    assert sorted(line["request.id"] for line in served) == sorted(f"req-{number}" for number in range(300))
    line = served[-1]
    assert (line["outcome"], line["status"], line["attempts"]) == ("2xx", 200, 1)
    assert line["worker"] == worker.url.removeprefix("http://")
    assert line["policy"] == "kv_cost" and line["reason"] in ("prefix", "load")
    assert line["prompt_tokens"] > 0 and line["completion_tokens"] > 0 and "cached_tokens" in line
    assert 0 <= line["read_seconds"] <= line["picked_seconds"] <= line["first_byte_seconds"] <= line["seconds"] < 60
    assert line["request_bytes"] == 25 and line["answer_bytes"] > 100
    assert "secret" not in launch.log()
    unknown = next(line for line in found if line["route"] == "other")
    assert unknown["status"] == 404 and "worker" not in unknown and "policy" not in unknown
    wait_for("the same lines in the file", lambda: len(lines("".join(
        path.read_text() for path in tmp_path.iterdir()))) == len(lines(launch.log())))


def test_sampled_tells_of_some_and_of_every_failure(bench: Workbench) -> None:
    worker = bench.worker("--fault", "status=500,path=/generate,count=7")
    launch = bench.launch("--access-log", "sampled", "--access-log-sample", 50, "--retry-max-retries", 1, "--threads", 1,
                          "--cb-failure-threshold", 0, "--log-format", "json", workers=[worker.url])
    bench.wait_ready(launch)
    statuses = [generate(launch, number) for number in range(507)]
    assert statuses.count(500) == 7 and statuses.count(200) == 500
    wait_for("the lines", lambda: len(lines(launch.log())) >= 17, limit(10))
    found = [line for line in lines(launch.log()) if line["route"] == "/generate"]
    assert sum(line["status"] == 500 for line in found) == 7
    assert 9 <= sum(line["status"] == 200 for line in found) <= 11


def test_off_tells_of_none_and_text_is_one_line(bench: Workbench) -> None:
    worker = bench.worker()
    silent = bench.launch(workers=[worker.url])
    bench.wait_ready(silent)
    spoken = bench.launch("--access-log", "full", workers=[worker.url])
    bench.wait_ready(spoken)
    assert generate(silent, 1) == 200 and generate(spoken, 2) == 200
    line = wait_for("the line", lambda: re.search(r"^\S+ INFO request .* route=/generate .*$", spoken.log(), re.M), limit(10)).group()
    assert " request.id=req-2 route=/generate outcome=2xx status=200 " in line
    assert "INFO request " not in silent.log()


def test_a_hostile_id_forges_no_line(bench: Workbench) -> None:
    worker = bench.worker()
    launch = bench.launch("--access-log", "full", workers=[worker.url])
    bench.wait_ready(launch)
    hostile = 'x" level="error\x1b[31m'
    ask(launch.port, "POST", "/generate", b"{}", JSON | {"X-Request-Id": hostile.replace("\x1b", "%1b")})
    line = wait_for("the line", lambda: re.search(r"^\S+ INFO request .* route=/generate .*$", launch.log(), re.M), limit(10)).group()
    assert "level=" not in line and '"' not in line


def test_the_last_lines_are_written_at_the_end(bench: Workbench) -> None:
    worker = bench.worker()
    launch = bench.launch("--access-log", "full", "--log-format", "json", workers=[worker.url])
    bench.wait_ready(launch)
    assert generate(launch, 1) == 200
    launch.signal(15)
    assert launch.wait(limit(20)) == 0
    assert [line["request.id"] for line in lines(launch.log()) if line["route"] == "/generate"] == ["req-1"]


def test_a_log_that_nobody_reads_stops_nothing(bench: Workbench) -> None:
    worker, port, admin_port = bench.worker("--speedup", 0), free_port(), free_port()
    reader, writer = os.pipe()
    child = subprocess.Popen(
        [binary("signalbox"), "launch", "--port", str(port), "--admin-port", str(admin_port), "--prometheus-port", "0",
         "--runtime-dir", bench.folder / "run", "--database", bench.folder / "database", "--access-log", "full",
         "--worker-urls", worker.url], stdout=subprocess.DEVNULL, stderr=writer)
    os.close(writer)
    try:
        wait_for("it to be ready", lambda: ask(port, "GET", "/readiness").status == 200, limit(20))
        for _ in range(2_000):
            assert ask(port, "POST", "/generate", b'{"text":"x"}', JSON).status == 200
        absent = json.dumps({"url": f"http://127.0.0.1:{free_port()}"}).encode()
        assert ask(admin_port, "POST", "/workers", absent, JSON, timeout=limit(5)).status == 202
        assert ask(admin_port, "GET", "/data_planes", timeout=limit(5)).status == 200
        child.terminate()
        assert child.wait(limit(20)) == 0
    finally:
        child.kill()
        child.wait()
        os.close(reader)


def test_every_field_is_documented_and_no_other() -> None:
    source = (PROJECT / "Sources/DataPlane/AccessLog/AccessLines.swift").read_text()
    written = set(re.findall(r'\b(?:word|number|thousandths)\("([a-z_.]+)"', source))
    rows = (PROJECT / "docs/logs.md").read_text().split("## The access log")[1]
    documented = {name for row in re.findall(r"^\|([^|]+)\|", rows, re.M) for name in re.findall(r"`([a-z_.]+)`", row)}
    assert len(written) > 10 and written == documented
