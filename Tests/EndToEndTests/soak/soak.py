"""A fleet under churn for minutes: clients that are right must get everything right, and nothing may be left behind.

usage: soak.py [--minutes N] [--json] [--kill-data-planes]; scripts/soak.sh calls it.
"""

import argparse
import asyncio
import json
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from soak import ill_behaved, well_behaved  # noqa: E402
from soak.churn import Churn  # noqa: E402
from soak.samples import Sampler, descriptors  # noqa: E402
from support.fleet import Launch, Workbench  # noqa: E402
from support.waiting import wait_for  # noqa: E402

DATA_PLANES = 2
WELL_BEHAVED = 15
ILL_BEHAVED = 27
# An error of a well-behaved client is forgiven for so long after its data plane was killed.
SECONDS_FORGIVEN = 5
# A leak of 100 bytes a request at 200 requests a second is 1.1 MiB a minute.
GROWTH_BYTES_PER_MINUTE_MAX = 512 * 1024
# Pooled connections to workers are kept for 30 s without use.
SECONDS_TO_QUIET = 60
TIMEOUTS = ("--timeout-head-secs", 3, "--timeout-upload-idle-secs", 3, "--timeout-stream-idle-secs", 5,
            "--timeout-keep-alive-secs", 5, "--timeout-queue-secs", 3, "--timeout-first-byte-secs", 20)


class Clients:
    """All clients, on an event loop and a thread of their own."""

    def __init__(self, port: int):
        self.port = port
        self.outcome = well_behaved.Outcome()
        self.counts: dict[str, int] = {}
        self._loop = asyncio.new_event_loop()
        self._stopping = asyncio.Event()
        self._thread = threading.Thread(target=lambda: self._loop.run_until_complete(self._run()), daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(timeout=120)
        assert not self._thread.is_alive(), "a client hangs"

    async def _run(self) -> None:
        good = (well_behaved.client(self.port, number, self.outcome, self._stopping) for number in range(WELL_BEHAVED))
        bad = (ill_behaved.client(self.port, number, self.counts, self._stopping) for number in range(ILL_BEHAVED))
        await asyncio.gather(*good, *bad)


def run(bench: Workbench, minutes: float, kills_data_planes: bool) -> dict:
    """The whole soak; returns the report, with what was violated in `violations`."""
    churn = Churn(bench)
    launch = bench.launch(*TIMEOUTS, workers=churn.urls, data_planes=DATA_PLANES)
    bench.wait_ready(launch)
    wait_for("every worker to be ready", lambda: all_ready(launch), 30)
    start_level = max(descriptors(pid) for pid in launch.data_plane_pids())
    sampler, clients, kills = Sampler(launch), Clients(launch.port), []
    clients.start()
    churn.start(launch)
    end = time.monotonic() + minutes * 60
    next_kill = time.monotonic() + 30
    while time.monotonic() < end:
        time.sleep(1)
        launch.expect_running()
        sampler.take()
        if kills_data_planes and time.monotonic() > next_kill:
            next_kill = time.monotonic() + 30
            kills.append(time.monotonic())
            churn.kill_data_plane()
    churn.stop()
    clients.stop()
    return report(launch, sampler, clients, churn, kills, start_level)


def all_ready(launch: Launch) -> bool:
    return all(worker["state"] == "ready" for worker in launch.admin.workers())


def report(launch: Launch, sampler: Sampler, clients: Clients, churn: Churn, kills: list[float],
           start_level: int) -> dict:
    violations = [churn.problem] if churn.problem else []
    try:
        wait_for("no request, no client and no byte of any", sampler.is_quiet, SECONDS_TO_QUIET, pause=0.2)
        wait_for(f"descriptors at the level of the start, {start_level}",
                 lambda: all(descriptors(pid) <= start_level for pid in launch.data_plane_pids()), SECONDS_TO_QUIET,
                 pause=0.2)
    except AssertionError as error:
        violations.append(str(error))
    errors = [text for moment, text in clients.outcome.errors
              if not any(kill <= moment <= kill + SECONDS_FORGIVEN for kill in kills)]
    if errors:
        violations.append(f"{len(errors)} errors of well-behaved clients, such as: {errors[0]}")
    if not clients.outcome.completed:
        violations.append("no well-behaved client was ever served")
    planes = []
    for pid, series in sampler.series.items():
        growth = series.growth_per_minute()
        planes.append({
            "pid": pid, "samples": len(series.seconds), "resident_bytes_last": series.resident[-1],
            "resident_bytes_most": max(series.resident), "growth_bytes_per_minute": round(growth),
            "descriptors_most": max(series.descriptors),
            "descriptors_end": descriptors(pid) if pid in launch.data_plane_pids() else None,
        })
        if growth > GROWTH_BYTES_PER_MINUTE_MAX and not kills:
            violations.append(f"data plane {pid} grows by {growth / 1024:.0f} KiB a minute")
    return {
        "requests_completed": clients.outcome.completed, "errors": errors[:20],
        "errors_forgiven": len(clients.outcome.errors) - len(errors), "ill_behaved_clients": clients.counts,
        "changes": churn.changes, "descriptors_at_start": start_level, "most": sampler.most, "data_planes": planes,
        "violations": violations,
    }


def show(result: dict) -> None:
    print(f"well-behaved requests  {result['requests_completed']:,} completed, {len(result['errors'])} errors, "
          f"{result['errors_forgiven']} forgiven")
    print(f"ill-behaved clients    {sum(result['ill_behaved_clients'].values()):,}")
    print(f"changes                {result['changes']}")
    print(f"most at once           {result['most']}")
    for plane in result["data_planes"]:
        print(f"data plane {plane['pid']}: {plane['resident_bytes_last'] / 2**20:.1f} MiB resident at the end, "
              f"{plane['resident_bytes_most'] / 2**20:.1f} at most, {plane['growth_bytes_per_minute'] / 1024:+.0f} KiB a minute, "
              f"descriptors {result['descriptors_at_start']} -> {plane['descriptors_most']} -> {plane['descriptors_end']}")
    for violation in result["violations"]:
        print(f"VIOLATION: {violation}")
    print("violated" if result["violations"] else "ok: in flight 0, descriptors back, memory flat, no error")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--minutes", type=float, default=10, help="how long the load lasts (default 10)")
    parser.add_argument("--json", action="store_true", help="print the report as one JSON document")
    parser.add_argument("--kill-data-planes", action="store_true", help="kill -9 a data plane every 30 seconds")
    arguments = parser.parse_args()
    if arguments.minutes <= 0:
        parser.error("--minutes must be positive")
    bench = Workbench()
    try:
        result = run(bench, arguments.minutes, arguments.kill_data_planes)
    finally:
        problems = bench.close()
    result["violations"] += problems
    if arguments.json:
        print(json.dumps(result, indent=2))
    else:
        show(result)
    return 1 if result["violations"] else 0


if __name__ == "__main__":
    sys.exit(main())
