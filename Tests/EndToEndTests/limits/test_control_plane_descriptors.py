"""A control plane that runs out of descriptors waits for some: it does not spin, and whoever has a request gets an answer."""

import resource
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from limits.test_descriptors import CPU_SHARE_MAX, limited_to
from support.fleet import ControlPlane, Workbench
from support.processes import cpu_seconds
from support.raw_http import RawConnection, ask
from support.waiting import wait_for

MEASURED_SECONDS = 2


def crowd(stack: ExitStack, port: int, count: int) -> list[RawConnection]:
    return [stack.enter_context(RawConnection(port, timeout=20)) for _ in range(count)]


def cpu_share(pid: int) -> float:
    before, started = cpu_seconds(pid), time.monotonic()
    wait_for("the time of the measurement", lambda: time.monotonic() > started + MEASURED_SECONDS)
    return (cpu_seconds(pid) - before) / (time.monotonic() - started)


def descriptors(plane: ControlPlane) -> set[int]:
    return {int(path.name) for path in Path(f"/proc/{plane.pid}/fd").iterdir()}


def warnings_of(plane: ControlPlane) -> list[str]:
    return [line for line in plane.log().splitlines() if "WARN" in line and "descriptor" in line.lower()]


@contextmanager
def no_descriptor_left(plane: ControlPlane) -> Iterator[None]:
    """The next descriptor that the control plane needs cannot be had."""
    limits = resource.prlimit(plane.pid, resource.RLIMIT_NOFILE)
    taken = descriptors(plane)
    lowest_free = next(number for number in range(len(taken) + 1) if number not in taken)
    resource.prlimit(plane.pid, resource.RLIMIT_NOFILE, (lowest_free, limits[1]))
    try:
        yield
    finally:
        resource.prlimit(plane.pid, resource.RLIMIT_NOFILE, limits)


def test_idle_clients_leave_the_admin_api_to_those_with_requests(bench: Workbench) -> None:
    plane = bench.control_plane(prefix=limited_to(256))
    with ExitStack() as stack:
        crowd(stack, plane.admin_port, 400)
        share = cpu_share(plane.pid)
        assert share < CPU_SHARE_MAX, f"{share:.2f} of a core, doing nothing"
        assert len(descriptors(plane)) < 200, "nothing is left for the database, the probes and the Unix socket"
        for address in (plane.admin_port, str(plane.runtime_folder / "admin.sock")):
            assert ask(address, "GET", "/workers", timeout=5).status == 200, address
        assert plane.admin.add_worker("http://127.0.0.1:9", wait="false").status_code == 202
    plane.expect_running()


def test_nothing_spins_when_a_client_cannot_be_accepted(bench: Workbench) -> None:
    plane = bench.control_plane()
    with ExitStack() as stack:
        silent = stack.enter_context(RawConnection(plane.admin_port))
        assert silent.ask("GET", "/health").status == 200
        with no_descriptor_left(plane):
            crowd(stack, plane.admin_port, 20)
            wait_for("a warning", lambda: warnings_of(plane))
            share = cpu_share(plane.pid)
            assert share < CPU_SHARE_MAX, f"{share:.2f} of a core, doing nothing"
            assert ask(plane.admin_port, "GET", "/health").status == 200, "silent clients keep the others out"
            assert len(warnings_of(plane)) == 1, "one lack, many lines"
        assert ask(plane.admin_port, "GET", "/health").status == 200
    plane.expect_running()


def test_a_low_limit_is_named_in_the_log_at_the_start(bench: Workbench) -> None:
    plane = bench.control_plane(prefix=limited_to(256))
    assert any("256" in line for line in warnings_of(plane))


def test_the_soft_limit_is_raised_to_the_hard_one_at_the_start(bench: Workbench) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    plane = bench.control_plane(prefix=limited_to(128, hard))
    assert resource.prlimit(plane.pid, resource.RLIMIT_NOFILE) == (hard, hard)
