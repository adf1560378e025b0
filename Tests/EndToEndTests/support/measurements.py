"""Figures that tests measured, kept as lines of JSON for docs/measurements.md."""

import json
import os
import statistics
from collections.abc import Iterable


def percentile(values: Iterable[float], percent: float) -> float:
    """The smallest value that at least `percent` of all values do not exceed."""
    ordered = sorted(values)
    assert ordered, "no values to take a percentile of"
    rank = max(0, -(-len(ordered) * percent // 100) - 1)
    return ordered[int(rank)]


def median(values: Iterable[float]) -> float:
    return statistics.median(values)


def record(subject: str, figure: str, value: float, unit: str, limit: str, test: str) -> None:
    """Writes one figure to the file named by SIGNALBOX_RESULTS, and to the captured output in any case."""
    line = json.dumps({
        "subject": subject, "figure": figure, "value": round(value, 3), "unit": unit, "limit": limit, "test": test,
    })
    print(f"measured: {line}")
    path = os.environ.get("SIGNALBOX_RESULTS")
    if path:
        with open(path, "a", encoding="utf-8") as results:
            results.write(line + "\n")
