"""What the data planes hold, second by second, and what is read from it."""

import os
import time
from dataclasses import dataclass, field
from pathlib import Path

from support.fleet import Launch


def resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


@dataclass
class Series:
    """The samples of one data plane."""

    seconds: list[float] = field(default_factory=list)
    resident: list[int] = field(default_factory=list)
    descriptors: list[int] = field(default_factory=list)

    def take(self, pid: int) -> None:
        self.resident.append(resident_bytes(pid))
        self.descriptors.append(descriptors(pid))
        self.seconds.append(time.monotonic())

    def growth_per_minute(self) -> float:
        """The slope of the straight line (least squares) through the last half of the memory curve, bytes a minute."""
        half = len(self.seconds) // 2
        times, values = self.seconds[half:], self.resident[half:]
        if len(times) < 2:
            return 0
        mean_time, mean_value = sum(times) / len(times), sum(values) / len(values)
        spread = sum((moment - mean_time) ** 2 for moment in times)
        return sum((moment - mean_time) * (value - mean_value) for moment, value in zip(times, values)) / spread * 60


class Sampler:
    """Samples every data plane of a launch, and what it says of itself."""

    def __init__(self, launch: Launch):
        self.launch = launch
        self.series: dict[int, Series] = {}
        self.most: dict[str, int] = {}

    def take(self) -> None:
        for pid in self.launch.data_plane_pids():
            try:
                self.series.setdefault(pid, Series()).take(pid)
            except OSError:
                continue
        for plane in self.launch.admin.data_planes():
            gauges = {"in_flight": plane["in_flight"], "connections": plane["connections"]} | (plane.get("held") or {})
            for name, value in gauges.items():
                self.most[name] = max(self.most.get(name, 0), value or 0)

    def is_quiet(self) -> bool:
        """Whether no data plane has a request, a client, or bytes of any."""
        for plane in self.launch.admin.data_planes():
            # What is known of prompts stays.
            held = {name: value for name, value in (plane.get("held") or {}).items()
                    if name.endswith("_bytes") and name != "prefix_index_bytes"}
            if plane["in_flight"] or plane["connections"] or any(held.values()):
                return False
        return True
