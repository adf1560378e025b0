"""A data plane that runs out of descriptors waits for some: it neither spins, nor harms whom it serves, nor needs help."""

import resource
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from support.fleet import DataPlane, Workbench
from support.limits import limit
from support.processes import cpu_seconds
from support.raw_http import RawConnection
from support.recording_worker import RecordedRequest, WorkerConnection, response_bytes
from support.scripted_control_plane import ScriptedControlPlane, serving
from support.waiting import wait_for

CPU_SHARE_MAX = 0.10


@contextmanager
def few_descriptors(bench: Workbench, count: int) -> Iterator[tuple[ScriptedControlPlane, DataPlane]]:
    """A data plane that may have so many descriptors and cannot raise the limit."""
    worker = bench.recording_worker(answer)
    with serving(bench, worker.url, prefix=limited_to(count)) as (plane, proxy):
        yield plane, proxy


def limited_to(soft: int, hard: int | None = None) -> tuple[str, ...]:
    """The command that starts a program under this limit on descriptors."""
    return ("prlimit", f"--nofile={soft}:{hard or soft}")


def answer(connection: WorkerConnection, request: RecordedRequest) -> None:
    connection.send(response_bytes(request.body))


def crowd(stack: ExitStack, port: int, count: int) -> list[RawConnection]:
    """More clients than can be accepted; the kernel queues the rest."""
    return [stack.enter_context(RawConnection(port, timeout=20)) for _ in range(count)]


@pytest.mark.parametrize("count", [64, 256])
def test_more_clients_than_descriptors_are_served_in_turn(bench: Workbench, count: int) -> None:
    with few_descriptors(bench, count) as (plane, proxy), ExitStack() as stack:
        open_before = stack.enter_context(RawConnection(proxy.port))
        assert open_before.ask("POST", "/generate", b"first").body == b"first"
        clients = crowd(stack, proxy.port, count + 50)
        wait_for("accepting to pause", lambda: count / 8 < plane.heartbeats()[-1]["connections"] < count)

        before, beats = cpu_seconds(proxy.pid), len(plane.heartbeats())
        # The heartbeats are the clock: one comes every second and shows that the data plane still talks.
        wait_for("two more heartbeats", lambda: len(plane.heartbeats()) >= beats + 2, limit(6))
        spent = cpu_seconds(proxy.pid) - before
        assert spent < CPU_SHARE_MAX * 1.0, f"{spent:.2f} s of CPU in the time of two heartbeats, doing nothing"

        for number in range(20):
            body = b"%d" % number
            assert open_before.ask("POST", "/generate", body).body == body, "an open connection suffers"
        for client in clients[:count]:
            client.close()
        for client in clients[count:]:
            assert client.ask("POST", "/generate", b"late").body == b"late", "one that waited was forgotten"
            client.close()
        proxy.expect_running()


def test_a_lack_of_descriptors_is_logged_with_the_limit_and_not_for_each_client(bench: Workbench) -> None:
    with few_descriptors(bench, 64) as (_, proxy), ExitStack() as stack:
        crowd(stack, proxy.port, 150)
        wait_for("a warning", lambda: warnings_of(proxy))
        assert len(warnings_of(proxy)) <= 5, "one lack, many lines"


def warnings_of(proxy: DataPlane) -> list[str]:
    return [line for line in proxy.log().splitlines() if "WARN" in line and "descriptor" in line.lower()]


def test_the_admin_api_answers_while_the_data_plane_has_no_descriptor_left(bench: Workbench) -> None:
    worker = bench.recording_worker(answer)
    plane = bench.control_plane()
    proxy = bench.data_plane(plane.control_socket, "--threads", 1, prefix=limited_to(64))
    assert plane.admin.add_worker(worker.url).status_code == 200
    plane.admin.wait_until_applied(1)
    second = bench.recording_worker(answer)
    with ExitStack() as stack:
        client = stack.enter_context(RawConnection(proxy.port))
        assert client.ask("POST", "/generate", b"x").status == 200
        crowd(stack, proxy.port, 150)
        assert plane.admin.data_planes()[0]["connected"]
        assert plane.admin.add_worker(second.url).status_code == 200
        plane.admin.wait_until_applied(1)
        wait_for("the new worker to be asked",
                 lambda: client.ask("POST", "/generate", b"x").status == 200 and second.routed("/generate"))


def test_a_low_limit_is_named_in_the_log_at_the_start(bench: Workbench) -> None:
    worker = bench.recording_worker(answer)
    with serving(bench, worker.url, prefix=limited_to(256)) as (_, proxy):
        wait_for("the warning", lambda: any("256" in line for line in warnings_of(proxy)))
        with RawConnection(proxy.port) as client:
            assert client.ask("POST", "/generate", b"x").body == b"x"


def test_the_soft_limit_is_raised_to_the_hard_one_at_the_start(bench: Workbench) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    worker = bench.recording_worker(answer)
    with serving(bench, worker.url, prefix=limited_to(128, hard)) as (_, proxy):
        assert resource.prlimit(proxy.pid, resource.RLIMIT_NOFILE) == (hard, hard)
