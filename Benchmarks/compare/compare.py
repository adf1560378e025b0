#!/usr/bin/env python3
"""Measures Signalbox beside other routers under the same load. See README.md."""

import argparse
import json
import signal
import sys
from pathlib import Path
from types import FrameType

import contestants
import installing
import machine
import measuring
import report
import scenarios
from contestants import Contestant
from processes import RunFailed
from scenarios import Scenario

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parents[1]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Measures Signalbox beside other routers: the same load, the same workers, in turns.",
        epilog="Exit status: 0 all runs were right; 1 an answer was wrong or missing, or too few runs were quiet; "
               "2 bad arguments, or something is missing; 130 interrupted.",
    )
    parser.add_argument("--contestants", metavar="NAME,...", default=",".join(contestants.DEFAULT_NAMES),
                        help="who takes part, in this order (default %(default)s); also sglang-router-cache-aware, "
                             "signalbox-kv-cost, signalbox-access-log and signalbox-other")
    parser.add_argument("--scenario", metavar="NAME,...", default="*",
                        help="which loads, by name, beginning or pattern (default all; see --list)")
    parser.add_argument("--baseline", default="haproxy", help="whom the ratios are to (default %(default)s)")
    parser.add_argument("--rounds", type=positive, default=6, help="runs of each contestant (default %(default)s)")
    parser.add_argument("--seconds", type=seconds, default=4.0,
                        help="window of a run, at least 2 streams long (default %(default)s)")
    parser.add_argument("--warm-up", type=seconds, default=1.0, metavar="SECONDS",
                        help="load before the window (default %(default)s)")
    parser.add_argument("--threads", type=positive, default=1,
                        help="threads of each contestant, and cores of its own (default %(default)s)")
    parser.add_argument("--load-threads", type=positive, default=1,
                        help="threads of the load generator and of the mock workers (default %(default)s)")
    parser.add_argument("--unpinned", action="store_true", help="let everybody use all cores")
    parser.add_argument("--foreign-max", type=_share, default=0.2, metavar="SHARE",
                        help="a run is thrown away and repeated when other programs used more than this share of the "
                             "contestant's cores (default %(default)s)")
    parser.add_argument("--repeats-max", type=int, default=5, metavar="N",
                        help="most repetitions of one run for that reason (default %(default)s)")
    parser.add_argument("--bin-dir", type=Path, default=PROJECT / ".build" / "release",
                        help="folder of signalbox and signalbox-proxy, release builds (default .build/release)")
    parser.add_argument("--build-dir", type=Path, default=HERE / ".build",
                        help="folder for the compiled programs and the virtual environment (default %(default)s)")
    parser.add_argument("--install", action="store_true",
                        help="install missing contestants from Debian (as root or with sudo) and PyPI first")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every run and all figures there")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables there")
    parser.add_argument("--list", action="store_true", help="list scenarios and contestants, and end")
    return parser.parse_args()


def positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value


def seconds(text: str) -> float:
    value = float(text)
    if not 0 < value <= 3600:
        raise argparse.ArgumentTypeError("must be more than 0 and at most 3600")
    return value


def _share(text: str) -> float:
    value = float(text)
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError("must be more than 0 and at most 1")
    return value


def say(text: str = "") -> None:
    print(text, flush=True)


def progress(text: str) -> None:
    """What only somebody who waits wants to know."""
    print(text, file=sys.stderr, flush=True)


class Comparison:
    """All rounds of all scenarios, and what came of them."""

    def __init__(self, options: argparse.Namespace, present: list[Contestant], wanted: list[Scenario]) -> None:
        self.options, self.present, self.wanted = options, present, wanted
        self.names = [each.name for each in present]
        self.plan = measuring.Plan(options.bin_dir.resolve(), options.build_dir.resolve(), options.warm_up,
                                   options.seconds, options.load_threads)
        self.results: list[tuple[Scenario, report.Rounds, str]] = []
        self.thrown_away = 0
        self.missing_runs = 0

    def run(self) -> None:
        for scenario in self.wanted:
            threads = scenario.threads or self.options.threads
            place = machine.placement(threads, not self.options.unpinned)
            how = self._how(threads, place)
            say(f"\n{scenario.name}: {scenario.about}; {how}")
            rounds: report.Rounds = {name: {} for name in self.names}
            self.results.append((scenario, rounds, how))
            for number in range(1, self.options.rounds + 1):
                progress(f"{scenario.name}: round {number} of {self.options.rounds}")
                for contestant in self.present:
                    figures = self._quiet_run(contestant, scenario, place, threads)
                    if figures is None:
                        self.missing_runs += 1
                    else:
                        rounds[contestant.name][number] = figures
            say(report.as_text(report.rows(scenario, rounds, self.names, self.options.baseline, False)))

    def _how(self, threads: int, place: machine.Placement) -> str:
        count = f"{threads} thread{'s' if threads > 1 else ''}"
        if place.is_pinned:
            return f"{count}, contestant on core {_list(place.contestant)}, load and workers on {_list(place.load)}"
        why = "as asked" if self.options.unpinned else f"as {len(place.load)} cores are too few to pin"
        return f"{count}, not pinned ({why})"

    def _quiet_run(self, contestant: Contestant, scenario: Scenario, place: machine.Placement,
                   threads: int) -> measuring.Figures | None:
        """Repeats a run while other programs disturb it, up to the limit; None when none was quiet."""
        for _ in range(self.options.repeats_max + 1):
            try:
                figures = measuring.run(contestant, scenario, self.plan, place, threads)
            except RunFailed as error:
                raise RunFailed(f"{contestant.name} in {scenario.name}: {error}") from error
            if figures.foreign_share <= self.options.foreign_max:
                return figures
            self.thrown_away += 1
            progress(f"{scenario.name}: a run of {contestant.name} is thrown away, as other programs used "
                     f"{figures.foreign_share:.0%} of its cores")
        return None

    def notes(self) -> list[str]:
        text = [f"{self.thrown_away} runs were thrown away because other programs used more than "
                f"{self.options.foreign_max:.0%} of the contestant's cores."]
        if self.missing_runs:
            text.append(f"{self.missing_runs} runs are missing: none of {self.options.repeats_max + 1} was quiet.")
        return text

    def markdown(self) -> str:
        parts = [
            f"Machine: {machine.description()}. Medians of up to {self.options.rounds} interleaved runs of at least "
            f"{self.options.seconds:g} s, with the least and the greatest; ratios are taken within each round. CPU is "
            "user and system time of all processes of a contestant.", " ".join(self.notes())]
        for scenario, rounds, how in self.results:
            table = report.rows(scenario, rounds, self.names, self.options.baseline, True)
            parts += [f"### {scenario.about}", f"`{scenario.name}`: {how}.", report.as_markdown(table)]
        return "\n\n".join(parts) + "\n"

    def json(self) -> str:
        return json.dumps({
            "machine": machine.description(), "rounds": self.options.rounds, "seconds": self.options.seconds,
            "baseline": self.options.baseline, "foreign_max": self.options.foreign_max,
            "runs_thrown_away": self.thrown_away, "runs_missing": self.missing_runs,
            "scenarios": [report.as_json(scenario, rounds, self.names, self.options.baseline) | {"placement": how}
                          for scenario, rounds, how in self.results],
        }, indent=1) + "\n"

    def write(self) -> None:
        for note in self.notes():
            say(note)
        if self.options.json:
            self.options.json.write_text(self.json())
        if self.options.markdown:
            self.options.markdown.write_text(self.markdown())


def _list(cores: list[int]) -> str:
    return ", ".join(str(core) for core in cores)


def prepare(options: argparse.Namespace) -> tuple[list[Contestant], list[Scenario]]:
    """Compiles, installs and looks who is present; raises CannotPrepare or ValueError with the remedy."""
    wanted = contestants.named(options.contestants.split(","))
    chosen = scenarios.chosen(options.scenario.split(","))
    build_folder = options.build_dir.resolve()
    installing.compile_programs(HERE / "programs", build_folder)

    def missing(each: Contestant) -> str | None:
        return each.missing(options.bin_dir.resolve(), build_folder)

    if options.install:
        installing.install([each for each in wanted if missing(each)], build_folder)
    present = []
    for each in wanted:
        if (why := missing(each)) is None:
            present.append(each)
        else:
            say(f"skipped {each.name}: {why}")
    if not present:
        raise installing.CannotPrepare("no contestant is present")
    if options.baseline not in [each.name for each in present]:
        raise installing.CannotPrepare(
            f"--baseline {options.baseline} does not take part; "
            f"name one of: {', '.join(each.name for each in present)}")
    return present, chosen


def list_all() -> None:
    say("Scenarios:")
    for scenario in scenarios.SCENARIOS:
        say(f"  {scenario.name:26} {scenario.about}")
    say("Contestants:")
    for contestant in contestants.CONTESTANTS:
        say(f"  {contestant.name:26} {contestant.about}")


def interrupted(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main() -> int:
    options = arguments()
    if options.list:
        list_all()
        return 0
    # A signal unwinds the stack, and every program is ended on the way.
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, interrupted)
    try:
        comparison = Comparison(options, *prepare(options))
    except (installing.CannotPrepare, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    try:
        say(machine.description())
        comparison.run()
    except RunFailed as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted: no results are written", file=sys.stderr)
        return 130
    comparison.write()
    return 1 if comparison.missing_runs else 0


if __name__ == "__main__":
    sys.exit(main())
