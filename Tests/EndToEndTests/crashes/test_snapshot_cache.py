"""A data plane starts and serves without a control plane, from the last good snapshot on disk."""

import json
import signal
import stat
import time
from pathlib import Path

import pytest

from support.fleet import DataPlane, Workbench
from support.limits import limit
from support.raw_http import ask
from support.waiting import wait_for


def cached(bench: Workbench) -> tuple[object, object, DataPlane, Path]:
    """A fleet with a filled cache."""
    worker, cache = bench.worker(), bench.folder / "cache"
    plane, proxy = bench.wired(worker.url, flags=("--snapshot-cache", cache))
    _, sequence = plane.admin.version()
    wait_for("the cache to be written",
             lambda: json.loads(cache.read_bytes().split(b"\n")[0])["sequence"] == sequence)
    return worker, plane, proxy, cache


def serves(proxy: DataPlane) -> bool:
    return ask(proxy.port, "POST", "/generate", b'{"text":"x"}').status == 200


def test_it_serves_from_the_cache_and_follows_the_control_plane_when_it_comes_back(bench: Workbench) -> None:
    worker, plane, proxy, cache = cached(bench)
    assert stat.S_IMODE(cache.stat().st_mode) == 0o600
    plane.kill()
    proxy.kill()
    again = bench.data_plane(plane.control_socket, "--snapshot-cache", cache, wait=False)
    wait_for("it to serve from the cache", lambda: serves(again), limit(5))
    verbose = json.loads(ask(again.port, "GET", "/readiness?verbose").body)
    assert verbose["snapshot"]["source"] == "cache" and not verbose["control_plane"]["connected"]
    back = bench.control_plane(runtime_folder=plane.runtime_folder, database=plane.database)
    second = bench.worker()
    assert back.admin.add_worker(second.url).status_code == 200
    back.admin.wait_until_applied(1)
    wait_for("the new worker to be used", lambda: serves(again) and second.stats()["completed"] > 0)
    verbose = json.loads(ask(again.port, "GET", "/readiness?verbose").body)
    assert verbose["snapshot"]["source"] == "control_plane" and verbose["control_plane"]["connected"]


def damage(content: bytes, how: str) -> bytes:
    if how == "truncated":
        return content[:len(content) // 2]
    if how == "a flipped bit":
        return content[:-10] + bytes([content[-10] ^ 1]) + content[-9:]
    if how == "empty":
        return b""
    return b"no snapshot at all\n" * 3


@pytest.mark.parametrize("how", ["truncated", "a flipped bit", "empty", "garbage", "a folder"])
def test_a_damaged_cache_is_reported_and_ignored(bench: Workbench, how: str) -> None:
    worker, plane, proxy, cache = cached(bench)
    plane.kill()
    proxy.kill()
    if how == "a folder":
        cache.unlink()
        cache.mkdir()
    else:
        cache.write_bytes(damage(cache.read_bytes(), how))
    again = bench.data_plane(plane.control_socket, "--snapshot-cache", cache)
    wait_for("the warning", lambda: "The cached snapshot is ignored" in again.log())
    assert ask(again.port, "POST", "/generate", b"{}").status == 503
    bench.control_plane(runtime_folder=plane.runtime_folder, database=plane.database)
    wait_for("it to serve", lambda: serves(again), limit(10))


def test_a_cache_that_cannot_be_written_harms_nothing(bench: Workbench) -> None:
    worker = bench.worker()
    plane, proxy = bench.wired(worker.url, flags=("--snapshot-cache", bench.folder / "missing" / "cache"))
    wait_for("the warning", lambda: "The snapshot cannot be kept" in proxy.log())
    assert serves(proxy)
    second = bench.worker()
    assert plane.admin.add_worker(second.url).status_code == 200


def test_without_a_cache_it_waits_for_the_control_plane(bench: Workbench) -> None:
    proxy = bench.data_plane(bench.folder / "nobody.sock", wait=False)
    bench.wait_listening(proxy, proxy.port)
    wait_for("an answer", lambda: ask(proxy.port, "GET", "/readiness").status == 503)
    body = json.loads(ask(proxy.port, "GET", "/readiness?verbose").body)
    assert body["snapshot"]["version"] is None and body["snapshot"]["source"] is None


def test_while_the_control_plane_is_silent_the_data_plane_finds_out_who_is_dead(bench: Workbench) -> None:
    staying, victim = bench.worker(), bench.worker()
    plane, proxy = bench.wired(staying.url, victim.url)
    plane.kill()
    wait_for("it to probe by itself", lambda: "probes the workers itself" in proxy.log(), limit(10))

    def ready() -> int:
        return json.loads(ask(proxy.port, "GET", "/readiness").body).get("healthy_workers", 0)

    assert ready() == 2
    victim.kill()
    wait_for("the dead worker to be taken out", lambda: ready() == 1, limit(15))
    assert all(serves(proxy) for _ in range(20))
    again = bench.worker(port=victim.port)
    wait_for("its successor to be used", lambda: serves(proxy) and again.stats()["completed"] > 0, limit(15))
    back = bench.control_plane(runtime_folder=plane.runtime_folder, database=plane.database)
    wait_for("the control plane to observe again", lambda: "observes the workers again" in proxy.log(), limit(10))
    assert back.admin.worker(staying.url)["state"] == "ready" and serves(proxy)


def test_a_control_plane_that_hangs_is_as_good_as_none(bench: Workbench) -> None:
    staying, victim = bench.worker(), bench.worker()
    plane, proxy = bench.wired(staying.url, victim.url)
    plane.signal(signal.SIGSTOP)
    # The kernel goes on to open connections to it.
    wait_for("it to probe by itself", lambda: "probes the workers itself" in proxy.log(), limit(10))
    victim.kill()
    wait_for("the dead worker to be taken out", lambda: json.loads(
        ask(proxy.port, "GET", "/readiness").body).get("healthy_workers") == 1, limit(15))
    assert all(serves(proxy) for _ in range(20))
    plane.signal(signal.SIGCONT)
    wait_for("the control plane to observe again", lambda: "observes the workers again" in proxy.log(), limit(15))


def test_no_worker_is_let_in_whose_own_path_says_no(bench: Workbench) -> None:
    worker, victim = bench.worker(), bench.worker()
    plane, proxy = bench.wired(worker.url)
    added = plane.admin.post("/workers", json={"url": victim.url, "health_check_endpoint": "/nothing-here"})
    assert added.status_code == 202
    plane.admin.wait_until_applied(1)
    wait_for("its first probe", lambda: "404" in plane.admin.worker(victim.url)["reason"], limit(10))
    plane.kill()
    wait_for("it to probe by itself", lambda: "probes the workers itself" in proxy.log(), limit(10))
    time.sleep(2)  # Two rounds of probes: that nothing happens cannot be awaited.
    assert json.loads(ask(proxy.port, "GET", "/readiness").body)["healthy_workers"] == 1
    assert victim.stats()["completed"] == 0


def test_a_worker_whose_health_takes_long_stays_when_the_control_plane_is_silent(bench: Workbench) -> None:
    worker = bench.recording_worker()
    plane, proxy = bench.wired(worker.url)
    # Within the control plane's limit of 5 s, which is the data plane's, too.
    worker.health_seconds = 2.5
    plane.kill()
    wait_for("it to probe by itself", lambda: "probes the workers itself" in proxy.log(), limit(10))
    probes = sum(request.path == "/health" for request in list(worker.requests))
    wait_for(
        "three probes",
        lambda: sum(request.path == "/health" for request in list(worker.requests)) >= probes + 3,
        limit(40),
    )
    assert json.loads(ask(proxy.port, "GET", "/readiness").body)["healthy_workers"] == 1
    assert serves(proxy)
