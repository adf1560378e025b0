"""`curl -N` sees each event when the worker sends it."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from support.fleet import Workbench
from support.limits import limit
from support.measurements import median, percentile, record
from support.ports import free_port
from support.processes import Process

EVENTS, PAUSE_SECONDS, ROUNDS = 200, 0.004, 5


def delays(url: str) -> list[float]:
    """Delay of every event between the worker's send and its arrival at curl's reader, in seconds."""
    command = ["curl", "--no-buffer", "--silent", "--show-error", "--fail", "--data", '{"model":"timed","stream":true}',
               f"{url}/v1/chat/completions"]
    found = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=0) as curl:
        rest = b""
        while data := curl.stdout.read(65536):
            now = time.monotonic()
            *lines, rest = (rest + data).split(b"\n")
            found += [now - json.loads(line[6:])["sent"] for line in lines if line.startswith(b'data: {"sent"')]
    assert curl.returncode == 0 and len(found) == EVENTS
    return found


@pytest.mark.measured
def test_the_router_adds_less_than_5_ms_to_an_event(bench: Workbench) -> None:
    port = free_port()
    script = Path(__file__).with_name("timed_events.py")
    worker = bench.process(Process, "timed-worker", [sys.executable, script, port, EVENTS, PAUSE_SECONDS])
    bench.wait_listening(worker, port)
    direct_url = f"http://127.0.0.1:{port}"
    _, proxy = bench.wired(direct_url)
    direct, routed, added_p99 = [], [], []
    # In turns, so that a busy moment of the machine meets both; one such moment does not decide the median.
    for _ in range(ROUNDS):
        at_worker, at_router = delays(direct_url), delays(proxy.url)
        direct += at_worker
        routed += at_router
        added_p99.append(percentile(at_router, 99) - percentile(at_worker, 99))
    added = median(added_p99) * 1000
    record("Streaming", "event delay at the worker itself, p99", percentile(direct, 99) * 1000, "ms", "-",
           "streaming/test_event_delay.py")
    record("Streaming", "event delay through the router, p99", percentile(routed, 99) * 1000, "ms", "-",
           "streaming/test_event_delay.py")
    record("Streaming", "added event delay, median", (median(routed) - median(direct)) * 1000, "ms", "-",
           "streaming/test_event_delay.py")
    record("Streaming", f"added event delay, p99 (median of {ROUNDS} rounds of {EVENTS} events)", added, "ms", "5", "streaming/test_event_delay.py")
    assert added < limit(0.005) * 1000
    assert median(routed) - median(direct) < limit(0.002), "events are held back"
