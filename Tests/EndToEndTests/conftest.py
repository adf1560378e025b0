"""Fixtures: a workbench for each test, and the logs of its processes when it fails."""

from collections.abc import Iterator

import pytest

from support.fleet import BINARIES, Workbench

LOG_CHARACTERS_MAX = 6000


def pytest_configure(config: pytest.Config) -> None:
    missing = [name for name in ("signalbox", "signalbox-proxy", "simulated-worker") if not (BINARIES / name).exists()]
    if missing:
        raise pytest.UsageError(
            f"No {', '.join(missing)} in {BINARIES}; run `swift build -c release`, or set SIGNALBOX_BIN_DIR."
        )


@pytest.fixture
def bench() -> Iterator[Workbench]:
    """Starts programs for one test, and fails it when one of them crashes or outlives its end."""
    workbench = Workbench()
    try:
        yield workbench
    finally:
        problems = workbench.close()
    assert not problems, problems


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo) -> Iterator[None]:
    outcome = yield
    report = outcome.get_result()
    workbench = getattr(item, "funcargs", {}).get("bench")
    if workbench and report.failed and call.when == "call":
        for name, log in workbench.logs():
            report.sections.append((f"log of {name}", log[-LOG_CHARACTERS_MAX:] or "(empty)"))
