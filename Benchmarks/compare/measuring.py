"""One run: a fresh contestant and fresh workers, warmed up, measured over one window, checked and ended."""

import http.client
import json
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import scenarios
from contestants import Contestant, Running, Setting
from machine import Memory, Placement, busy_seconds, cpu_seconds, memory, process_times, user_seconds
from processes import Program, RunFailed, free_ports
from scenarios import Scenario

READY_SECONDS = 30.0
# Requests that must succeed one after another before a contestant counts as ready.
READY_REQUESTS = 8
SETTLE_SECONDS = 0.5
# The workers' share of the requests must be about even, or the contestants did not get the same load.
SHARE_MIN = 0.25
WORKERS = 2


@dataclass(frozen=True)
class Plan:
    """What all runs have in common."""

    bin_folder: Path
    build_folder: Path
    warm_up_seconds: float
    seconds: float
    load_threads: int


@dataclass(frozen=True)
class Figures:
    """What one run yielded; times in the unit that the name ends with, None where the scenario has no such figure."""

    cpu_s_per_1000: float | None
    cpu_user_s_per_1000: float | None
    data_plane_cpu_s_per_1000: float | None
    per_second: float
    p50_ms: float | None
    p99_ms: float | None
    first_event_added_p50_ms: float | None
    first_event_added_p99_ms: float | None
    event_delay_p50_ms: float | None
    event_delay_p99_ms: float | None
    idle_rss_mb: float | None
    idle_data_plane_rss_mb: float | None
    idle_pss_mb: float | None
    load_rss_mb: float | None
    load_data_plane_rss_mb: float | None
    load_pss_mb: float | None
    # Share of its cores that the contestant used: near 1 the contestant bounds the throughput, else the load does.
    busy_share: float | None
    # Share of the contestant's, and of the load's cores that programs outside the comparison used.
    foreign_share: float
    foreign_load_share: float
    reconnects: int


def run(contestant: Contestant, scenario: Scenario, plan: Plan, place: Placement, threads: int) -> Figures:
    """Runs one contestant through one scenario; raises RunFailed for anything but complete and right answers."""
    with tempfile.TemporaryDirectory(prefix="cmp") as name:
        folder = Path(name)
        workers = free_ports(WORKERS)
        request = folder / "request"
        request.write_bytes(scenarios.request(scenario.request_bytes, scenario.streams))
        with Program("mock-worker", [
            str(plan.build_folder / "mock-worker"), "--events", str(scenario.events),
            "--interval-us", str(scenario.interval_us), "--threads", str(plan.load_threads),
            *(part for port in workers for part in ("--port", str(port))),
        ], folder, place.load, reads_output=True) as mock:
            mock.expect("listening")
            running = contestant.start(Setting(folder, workers, place.contestant, threads, scenario.streams,
                                               plan.bin_folder, plan.build_folder))
            try:
                return _measure(running, mock, scenario, plan, place, request, folder)
            finally:
                for program in running.programs:
                    program.end()


def _measure(running: Running, mock: Program, scenario: Scenario, plan: Plan, place: Placement, request: Path,
             folder: Path) -> Figures:
    _wait_until_ready(running)
    idle, idle_data_plane = memory(running.all_pids()), memory(running.data_plane_pids())
    with Program("load-generator", [
        str(plan.build_folder / "load-generator"), "--request", str(request), *_load_flags(scenario, plan),
        *(part for port in running.ports for part in ("--port", str(port))),
    ], folder, place.load, reads_output=True) as load:
        load.expect("measuring")
        before = _Moment(running, [mock, load], place)
        load.expect("measured")
        after = _Moment(running, [mock, load], place)
        loaded, loaded_data_plane = memory(running.all_pids()), memory(running.data_plane_pids())
        result = json.loads(load.line())
        load.process.wait(READY_SECONDS)
    for program in running.programs:
        program.fail_if_ended()
    _check_workers(mock, scenario, result["requests"])
    return _figures(scenario, place, before, after, result, bool(running.programs),
                    (idle, idle_data_plane, loaded, loaded_data_plane))


def _load_flags(scenario: Scenario, plan: Plan) -> list[str]:
    # Streams start one after another over the length of one, so that at any time all phases of a stream are present.
    stagger = scenario.stream_seconds
    seconds = max(plan.seconds, 2 * stagger)
    flags = {
        "connections": scenario.connections, "events": scenario.events,
        "threads": min(plan.load_threads, scenario.connections), "stagger-ms": round(stagger * 1000),
        "warm-up-ms": round(plan.warm_up_seconds * 1000), "duration-ms": round(seconds * 1000),
        # Memory is read while the load goes on.
        "cool-down-ms": 300,
    }
    if scenario.rate:
        flags["rate"] = scenario.rate
    return [part for name, value in flags.items() for part in (f"--{name}", str(value))]


class _Moment:
    """CPU times of all that matter, read as close together as can be."""

    def __init__(self, running: Running, load: list[Program], place: Placement) -> None:
        self.seconds = time.monotonic()
        self.contestant = process_times(running.all_pids())
        self.data_plane_pids = [pid for pid in running.data_plane_pids() if pid in self.contestant]
        self.load = process_times([program.pid for program in load])
        self.own = time.process_time()
        self.contestant_cores = busy_seconds(place.contestant)
        self.load_cores = busy_seconds(place.load)


def _figures(scenario: Scenario, place: Placement, before: _Moment, after: _Moment, result: dict,
             has_contestant: bool, memories: tuple[Memory, Memory, Memory, Memory]) -> Figures:
    seconds = after.seconds - before.seconds
    cpu = cpu_seconds(before.contestant, after.contestant)
    data_plane_cpu = cpu_seconds(before.contestant, {pid: after.contestant[pid] for pid in after.data_plane_pids})
    user = user_seconds(before.contestant, after.contestant)
    load_cpu = cpu_seconds(before.load, after.load) + after.own - before.own
    # A stream that the window cuts counts by its events.
    count = result["events"] / scenario.events if scenario.streams else result["requests"]
    if count == 0:
        raise RunFailed("nothing was answered within the window")

    def share(cores: list[int], busy: float, own: float) -> float:
        return max(0.0, busy - own) / (seconds * len(cores))

    contestant_busy = after.contestant_cores - before.contestant_cores
    load_busy = after.load_cores - before.load_cores
    pinned = place.is_pinned
    idle, idle_data_plane, loaded, loaded_data_plane = memories

    def milliseconds(name: str, percentile: str) -> float | None:
        return result[name][percentile] / 1000 if result[name]["count"] else None

    def contestant_only(value: float) -> float | None:
        return value if has_contestant else None

    has_cpu = has_contestant and not scenario.memory_only
    return Figures(
        cpu_s_per_1000=cpu / count * 1000 if has_cpu else None,
        cpu_user_s_per_1000=user / count * 1000 if has_cpu else None,
        data_plane_cpu_s_per_1000=data_plane_cpu / count * 1000 if has_cpu else None,
        per_second=count / result["seconds"],
        p50_ms=milliseconds("latency_us", "p50"), p99_ms=milliseconds("latency_us", "p99"),
        first_event_added_p50_ms=milliseconds("first_event_added_us", "p50"),
        first_event_added_p99_ms=milliseconds("first_event_added_us", "p99"),
        event_delay_p50_ms=milliseconds("event_delay_us", "p50"),
        event_delay_p99_ms=milliseconds("event_delay_us", "p99"),
        idle_rss_mb=contestant_only(idle.resident), idle_data_plane_rss_mb=contestant_only(idle_data_plane.resident),
        idle_pss_mb=contestant_only(idle.proportional), load_rss_mb=contestant_only(loaded.resident),
        load_data_plane_rss_mb=contestant_only(loaded_data_plane.resident),
        load_pss_mb=contestant_only(loaded.proportional),
        busy_share=contestant_only(cpu / (seconds * len(place.contestant))),
        # Without a router it is the load's cores that must be quiet.
        foreign_share=(share(place.contestant, contestant_busy, cpu if pinned else cpu + load_cpu) if has_contestant
                       else share(place.load, load_busy, load_cpu)),
        foreign_load_share=share(place.load, load_busy, load_cpu if pinned else cpu + load_cpu),
        reconnects=result["reconnects"],
    )


def _wait_until_ready(running: Running) -> None:
    """Asks for answers until several in a row are right, as the workers become known one after another."""
    body = scenarios.chat_body(200, False)
    deadline = time.monotonic() + READY_SECONDS
    good = 0
    last = "no answer"
    while good < READY_REQUESTS:
        for program in running.programs:
            program.fail_if_ended()
        if time.monotonic() > deadline:
            raise RunFailed(f"it was not ready within {READY_SECONDS:.0f} s: {last}")
        connection = http.client.HTTPConnection("127.0.0.1", running.ports[0], timeout=5)
        try:
            connection.request("POST", "/v1/chat/completions", body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            last = f"status {response.status}: {response.read(300)!r}"
            good = good + 1 if response.status == 200 else 0
        except (OSError, http.client.HTTPException) as error:
            last, good = repr(error), 0
        finally:
            connection.close()
        if good == 0:
            time.sleep(0.02)
    time.sleep(SETTLE_SECONDS)


def _check_workers(mock: Program, scenario: Scenario, requests: int) -> None:
    """The workers must have answered what was counted, in even shares where there is a choice."""
    output = mock.end()
    try:
        answered = json.loads(output)["answered"]
    except ValueError:
        raise RunFailed(f"the mock worker did not say what it answered: {mock.last_words()}") from None
    if sum(answered) < requests:
        raise RunFailed(f"{requests} answers were counted, but the workers gave only {sum(answered)}")
    if scenario.connections >= 8 and min(answered) < SHARE_MIN * sum(answered):
        raise RunFailed(f"the requests were not spread over the workers: {answered}")
