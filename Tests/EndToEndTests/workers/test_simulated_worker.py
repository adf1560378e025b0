"""The simulated worker by itself: faults on demand, and a cache that tells the truth."""

import json
import subprocess

from support.fleet import Workbench, binary
from support.raw_http import ask

def test_every_endpoint_that_routers_call_answers(bench: Workbench) -> None:
    worker = bench.worker()
    for path in ("/health", "/health_generate", "/get_server_info", "/server_info", "/get_model_info", "/model_info",
                 "/v1/models", "/get_load", "/metrics", "/stats"):
        assert ask(worker.port, "GET", path).status == 200, path
    assert ask(worker.port, "POST", "/flush_cache", b"").status == 200


def test_a_repeated_prompt_is_cached_until_the_cache_is_flushed(bench: Workbench) -> None:
    worker = bench.worker()
    prompt = json.dumps({"model": "simulated", "max_tokens": 1, "prompt": "All aboard for the night train. " * 100}).encode()

    def cached() -> int:
        usage = json.loads(ask(worker.port, "POST", "/v1/completions", prompt).body)["usage"]
        return usage["prompt_tokens_details"]["cached_tokens"]

    assert cached() == 0
    assert cached() > 50
    ask(worker.port, "POST", "/flush_cache", b"")
    assert cached() == 0


def test_every_program_tells_its_version(bench: Workbench) -> None:
    for program in ("signalbox", "signalbox-proxy"):
        result = subprocess.run([binary(program), "--version"], capture_output=True, text=True, timeout=10)
        assert result.returncode == 0 and result.stdout.split()[-1].count(".") == 2, result
