"""Counts the instructions of the micro-benchmarks and compares them with thresholds.json."""

import argparse
import json
import math
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
THRESHOLDS = HERE / "thresholds.json"
TOLERANCE_PERCENT = 5
# The two counts of operations of which the difference is taken, so that start-up does not count.
FEW = 10
# So many instructions beyond the few make start-up's own small variation vanish; bounds keep each run under seconds.
INSTRUCTIONS_AIMED_AT = 20_000_000
TIMEOUT_SECONDS = 300
COLLECTED = re.compile(r"Collected\s*:\s*(\d+)")


class MeasurementError(Exception):
    """Something that the person at the terminal can put right."""


@dataclass(frozen=True)
class Benchmark:
    name: str
    # Bytes that one operation reads or writes.
    size_bytes: int


def output_of(command: list[str]) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end; a failure shows what it printed."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=TIMEOUT_SECONDS, cwd=HERE)
    except FileNotFoundError as error:
        raise MeasurementError(f"'{command[0]}' is not installed; install it and run again") from error
    except subprocess.TimeoutExpired as error:
        raise MeasurementError(f"'{' '.join(command)}' took more than {TIMEOUT_SECONDS} s") from error
    except subprocess.CalledProcessError as error:
        raise MeasurementError(f"'{' '.join(command)}' failed:\n{error.stdout}{error.stderr}") from error


def build() -> Path:
    """Builds for release and returns the program."""
    output_of(["swift", "build", "-c", "release"])
    folder = output_of(["swift", "build", "-c", "release", "--show-bin-path"]).stdout.strip()
    return Path(folder) / "micro-benchmarks"


def benchmarks_of(program: Path) -> list[Benchmark]:
    lines = [line.split() for line in output_of([str(program), "--list"]).stdout.splitlines()]
    return [Benchmark(name, int(size_bytes)) for name, size_bytes in lines]


def instructions(program: Path, benchmark: Benchmark, count: int) -> int:
    """All instructions of a process that does the operation so many times."""
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    result = output_of([*command, str(program), benchmark.name, str(count)])
    match = COLLECTED.search(result.stderr)
    if match is None:
        raise MeasurementError(f"valgrind printed no instruction count:\n{result.stderr}")
    return int(match.group(1))


def instructions_per_operation(program: Path, benchmark: Benchmark) -> int:
    base = instructions(program, benchmark, FEW)
    estimate = max(1.0, (instructions(program, benchmark, 2 * FEW) - base) / FEW)
    more = max(FEW, math.ceil(INSTRUCTIONS_AIMED_AT / estimate))
    return round((instructions(program, benchmark, FEW + more) - base) / more)


def nanoseconds_per_operation(program: Path, benchmark: Benchmark) -> float:
    return int(output_of([str(program), "--time", benchmark.name]).stdout) / 10


def read_thresholds() -> dict[str, int]:
    if not THRESHOLDS.exists():
        raise MeasurementError("there is no thresholds.json; write it with --update")
    stored: dict[str, int] = json.loads(THRESHOLDS.read_text())["instructions_per_operation"]
    return stored


def compiler_version() -> str:
    return output_of(["swift", "--version"]).stdout.splitlines()[0].strip()


def write_thresholds(measured: dict[str, int]) -> None:
    content = {"compiler": compiler_version(), "instructions_per_operation": measured}
    THRESHOLDS.write_text(json.dumps(content, indent=4) + "\n")


def warn_of_another_compiler() -> None:
    written_by = json.loads(THRESHOLDS.read_text())["compiler"]
    if written_by != compiler_version():
        print(f"note: the thresholds were written with {written_by}; other compilers differ", file=sys.stderr)


def judge(measured: dict[str, int], thresholds: dict[str, int]) -> list[str]:
    """One sentence for each benchmark that is worse than its threshold, or that only one side knows."""
    faults = []
    for name, count in measured.items():
        if name not in thresholds:
            faults.append(f"{name} has no threshold; add it with --update")
        elif count > thresholds[name] * (1 + TOLERANCE_PERCENT / 100):
            percent = 100 * (count / thresholds[name] - 1)
            faults.append(f"{name} takes {count} instructions, {percent:.1f} % over its threshold {thresholds[name]}")
    return faults


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="run.sh",
        description="Builds the micro-benchmarks, counts the instructions of each one under valgrind and compares them "
        f"with thresholds.json. Exit status 1: one takes over {TOLERANCE_PERCENT} % more; 2: nothing was measured.",
    )
    parser.add_argument("names", nargs="*", help="the benchmarks to run, all without; a name or its beginning")
    parser.add_argument("--update", action="store_true", help="write the counts into thresholds.json")
    return parser.parse_args()


def chosen(all_of_them: list[Benchmark], names: list[str]) -> list[Benchmark]:
    for name in names:
        if not any(benchmark.name.startswith(name) for benchmark in all_of_them):
            known = ", ".join(benchmark.name for benchmark in all_of_them)
            raise MeasurementError(f"no benchmark's name begins with '{name}'; there are: {known}")
    return [one for one in all_of_them if not names or any(one.name.startswith(name) for name in names)]


def run(options: argparse.Namespace) -> int:
    if shutil.which("valgrind") is None:
        raise MeasurementError("'valgrind' is not installed; on Debian: apt-get install valgrind")
    thresholds = {} if options.update and not THRESHOLDS.exists() else read_thresholds()
    program = build()
    all_of_them = benchmarks_of(program)
    to_measure = chosen(all_of_them, options.names)
    measured: dict[str, int] = {}
    print(f"{'benchmark':36}{'bytes':>8}{'instructions':>14}{'threshold':>11}{'per byte':>10}{'ns':>11}", flush=True)
    for benchmark in to_measure:
        count = instructions_per_operation(program, benchmark)
        nanoseconds = nanoseconds_per_operation(program, benchmark)
        measured[benchmark.name] = count
        threshold = thresholds.get(benchmark.name, "-")
        per_byte = count / benchmark.size_bytes
        row = f"{benchmark.name:36}{benchmark.size_bytes:8}{count:14}{threshold:>11}{per_byte:10.2f}{nanoseconds:11.1f}"
        print(row, flush=True)
    if options.update:
        merged = thresholds | measured
        write_thresholds({one.name: merged[one.name] for one in all_of_them if one.name in merged})
        return 0
    warn_of_another_compiler()
    faults = judge(measured, thresholds)
    faults += [
        f"thresholds.json has '{name}', which no benchmark is named; remove it with --update"
        for name in thresholds
        if all(name != one.name for one in all_of_them)
    ]
    for fault in faults:
        print(f"FAILED: {fault}", file=sys.stderr)
    return 1 if faults else 0


def main() -> int:
    try:
        return run(arguments())
    except MeasurementError as error:
        print(f"run.sh: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
