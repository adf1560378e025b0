"""`launch_router` is replaced by the native program."""

import signal
from pathlib import Path

import httpx
import openai

from support.fleet import Workbench
from support.limits import limit
from support.ports import free_port, is_listening
from support.processes import command_line
from support.waiting import wait_for


def test_launch_router_becomes_the_native_program_and_ends_like_it(bench: Workbench, start) -> None:
    worker, second, port, metrics = bench.worker(), bench.worker(), free_port(), free_port()
    process = start("launch_router", "--worker-urls", worker.url, "--port", port, "--policy", "cache_aware",
                     "--prometheus-port", metrics)
    wait_for("the router to be ready", lambda: httpx.get(f"http://127.0.0.1:{port}/readiness").status_code == 200, limit(20))
    assert Path(command_line(process.pid).split(" ")[0]).name == "signalbox"
    client = openai.OpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key="none")
    answer = client.chat.completions.create(model="simulated", messages=[{"role": "user", "content": "Which way?"}])
    assert answer.choices[0].message.content
    added = httpx.post(f"http://127.0.0.1:{port}/add_worker", params={"url": second.url})
    assert added.text == f"Successfully added worker: {second.url}"
    assert httpx.get(f"http://127.0.0.1:{port}/list_workers").json() == {"urls": [worker.url, second.url]}
    assert "sgl_router_active_workers" in httpx.get(f"http://127.0.0.1:{metrics}/metrics").text
    process.signal(signal.SIGINT)
    assert process.wait(limit(15)) == 0
    assert not is_listening(port)
