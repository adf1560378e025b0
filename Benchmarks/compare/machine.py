"""What the kernel says about processes and cores: CPU time, memory, and where programs may run."""

import os
from dataclasses import dataclass
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class ProcessTimes:
    """CPU seconds of one process since it began, with those of the children that it has waited for."""

    user: float
    system: float
    # The scheduler's own figure of each thread that lives, in nanoseconds; empty where the kernel does not tell.
    threads: dict[int, int]


def cpu_seconds(before: dict[int, ProcessTimes], after: dict[int, ProcessTimes]) -> float:
    """User and system time that processes took; finer than ticks for those whose threads are still the same."""
    total = 0.0
    for pid, now in after.items():
        then = before.get(pid, ProcessTimes(0, 0, {}))
        if now.threads and now.threads.keys() == then.threads.keys():
            total += sum(now.threads[thread] - then.threads[thread] for thread in now.threads) / 1e9
        else:
            total += now.user + now.system - then.user - then.system
    return total


def user_seconds(before: dict[int, ProcessTimes], after: dict[int, ProcessTimes]) -> float:
    return sum(now.user - before[pid].user if pid in before else now.user for pid, now in after.items())


def process_tree(root: int) -> list[int]:
    """A process and all its descendants that live now."""
    found, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        try:
            tasks = list(Path(f"/proc/{pid}/task").iterdir())
            found.append(pid)
            for task in tasks:
                waiting += [int(child) for child in (task / "children").read_text().split()]
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def process_times(pids: list[int]) -> dict[int, ProcessTimes]:
    """What each of the processes that still live has used."""
    times = {}
    for pid in pids:
        try:
            # The name, in parentheses, may hold spaces; what follows has fixed places (proc(5), from `state` on).
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        user, system = int(fields[11]) + int(fields[13]), int(fields[12]) + int(fields[14])
        times[pid] = ProcessTimes(user / TICKS_PER_SECOND, system / TICKS_PER_SECOND, _thread_times(pid))
    return times


def _thread_times(pid: int) -> dict[int, int]:
    try:
        tasks = Path(f"/proc/{pid}/task").iterdir()
        return {int(task.name): int((task / "schedstat").read_text().split()[0]) for task in tasks}
    except (FileNotFoundError, ProcessLookupError, IndexError):
        return {}


def command_name(pid: int) -> str:
    try:
        return Path(os.readlink(f"/proc/{pid}/exe")).name
    except OSError:
        return ""


@dataclass(frozen=True)
class Memory:
    """Megabytes (10^6 bytes) of a set of processes: the plain sum, and with shared pages divided among their users."""

    resident: float
    proportional: float


def memory(pids: list[int]) -> Memory:
    resident = proportional = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            name, _, rest = line.partition(":")
            if name == "Rss":
                resident += int(rest.split()[0]) * 1024
            elif name == "Pss":
                proportional += int(rest.split()[0]) * 1024
    return Memory(resident / 1e6, proportional / 1e6)


def busy_seconds(cores: list[int]) -> float:
    """Time in which the cores did anything, stolen time included."""
    total = 0
    for line in Path("/proc/stat").read_text().splitlines():
        name, *values = line.split()
        if name.startswith("cpu") and name[3:].isdigit() and int(name[3:]) in cores:
            user, nice, system, _idle, _iowait, irq, softirq, steal = (int(value) for value in values[:8])
            total += user + nice + system + irq + softirq + steal
    return total / TICKS_PER_SECOND


@dataclass(frozen=True)
class Placement:
    """Which cores the contestant gets, and which the load and the workers."""

    contestant: list[int]
    load: list[int]

    @property
    def is_pinned(self) -> bool:
        return not set(self.contestant) & set(self.load)


def placement(threads: int, wants_pinned: bool) -> Placement:
    """The last cores for the contestant, one per thread, as interrupts prefer the first; all for all if too few."""
    cores = sorted(os.sched_getaffinity(0))
    if wants_pinned and len(cores) > threads:
        return Placement(cores[-threads:], cores[:-threads])
    return Placement(cores, cores)


def description() -> str:
    model = "an unknown processor"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    cores = len(os.sched_getaffinity(0))
    return f"{cores} core{'s' if cores > 1 else ''} of {model}, Linux {os.uname().release}"
