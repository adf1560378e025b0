"""The page that Prometheus reads, as a test reads it."""

import subprocess

import httpx
from prometheus_client.parser import text_string_to_metric_families


def page(port: int) -> str:
    answer = httpx.get(f"http://127.0.0.1:{port}/metrics")
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    series = [line.rpartition(" ")[0] for line in answer.text.splitlines() if not line.startswith("#")]
    assert len(series) == len(set(series)), "a series occurs twice"
    return answer.text


def samples(port: int, name: str, **labels: str) -> dict[tuple, float]:
    found = {}
    for family in text_string_to_metric_families(page(port)):
        for sample in family.samples:
            if sample.name == name and labels.items() <= sample.labels.items():
                found[tuple(sorted(sample.labels.items()))] = sample.value
    return found


def total(port: int, name: str, **labels: str) -> float:
    return sum(samples(port, name, **labels).values())


def lint(text: str) -> None:
    """Has Prometheus' own tool look at a page."""
    check = subprocess.run(["promtool", "check", "metrics"], input=text.encode(), capture_output=True, check=False)
    assert check.returncode == 0, check.stdout + check.stderr
