"""Medians, spans and ratios of the runs, as a table for people, Markdown for documents and JSON for programs."""

from dataclasses import dataclass
from statistics import median

from measuring import Figures
from scenarios import Scenario


@dataclass(frozen=True)
class Column:
    title: str
    field: str
    # Decimal places.
    places: int
    # Whether the ratio to the baseline is shown too.
    has_ratio: bool = False
    # What the figure is multiplied by to be shown.
    scale: float = 1.0


CPU_COLUMNS = (
    Column("CPU s/1000", "cpu_s_per_1000", 4, has_ratio=True),
    Column("data plane's", "data_plane_cpu_s_per_1000", 4, has_ratio=True),
    Column("user part", "cpu_user_s_per_1000", 4),
)
PLAIN_COLUMNS = (
    *CPU_COLUMNS,
    Column("requests/s", "per_second", 0, has_ratio=True),
    Column("p50 ms", "p50_ms", 3),
    Column("p99 ms", "p99_ms", 3, has_ratio=True),
    Column("busy %", "busy_share", 0, scale=100),
)
STREAM_COLUMNS = (
    *CPU_COLUMNS,
    Column("streams/s", "per_second", 1),
    Column("TTFT added p50 ms", "first_event_added_p50_ms", 3),
    Column("TTFT added p99 ms", "first_event_added_p99_ms", 3, has_ratio=True),
    Column("event delay p50 ms", "event_delay_p50_ms", 3),
    Column("event delay p99 ms", "event_delay_p99_ms", 3, has_ratio=True),
    Column("busy %", "busy_share", 0, scale=100),
)
FLAT_OUT_COLUMNS = (
    *CPU_COLUMNS,
    Column("streams/s", "per_second", 1, has_ratio=True),
    Column("busy %", "busy_share", 0, scale=100),
)
MEMORY_COLUMNS = (
    Column("idle RSS MB", "idle_rss_mb", 1),
    Column("idle RSS of data plane", "idle_data_plane_rss_mb", 1, has_ratio=True),
    Column("idle PSS MB", "idle_pss_mb", 1),
    Column("loaded RSS MB", "load_rss_mb", 1),
    Column("loaded RSS of data plane", "load_data_plane_rss_mb", 1, has_ratio=True),
    Column("loaded PSS MB", "load_pss_mb", 1),
)


def columns(scenario: Scenario) -> tuple[Column, ...]:
    if scenario.memory_only:
        return MEMORY_COLUMNS
    if scenario.streams:
        return STREAM_COLUMNS if scenario.interval_us else FLAT_OUT_COLUMNS
    return PLAIN_COLUMNS


@dataclass(frozen=True)
class Span:
    """The median of some runs, with the least and the greatest."""

    median: float
    least: float
    greatest: float


def span(values: list[float | None]) -> Span | None:
    known = [value for value in values if value is not None]
    return Span(median(known), min(known), max(known)) if known else None


# The runs of one scenario: by contestant, by round; a run thrown away too often leaves its round out.
Rounds = dict[str, dict[int, Figures]]


def figure(rounds: Rounds, name: str, field: str) -> Span | None:
    return span([getattr(run, field) for run in rounds.get(name, {}).values()])


def ratio(rounds: Rounds, name: str, baseline: str, field: str) -> Span | None:
    """The ratio within each round that both have, as neighbours in time share the machine's mood."""
    ratios: list[float | None] = []
    for number, run in rounds.get(name, {}).items():
        other = rounds.get(baseline, {}).get(number)
        value, base = getattr(run, field), getattr(other, field) if other else None
        if value is not None and base:
            ratios.append(value / base)
    return span(ratios)


def rows(scenario: Scenario, rounds: Rounds, names: list[str], baseline: str, spans: bool) -> list[list[str]]:
    """The table of one scenario, its titles first; ratios always have their span, figures where `spans` says so."""
    shown = columns(scenario)
    table = [["", "runs"] + [title for column in shown
                             for title in ([column.title] + ([f"/ {baseline}"] if column.has_ratio else []))]]
    for name in names:
        row = [name, str(len(rounds.get(name, {})))]
        for column in shown:
            own = figure(rounds, name, column.field)
            row.append(_cell(own, column.places, column.scale, spans))
            if column.has_ratio:
                is_one = name == baseline and own is not None
                row.append("1" if is_one else _cell(ratio(rounds, name, baseline, column.field), 2, 1, True))
        table.append(row)
    return table


def _cell(value: Span | None, places: int, scale: float, has_span: bool) -> str:
    if value is None:
        return "-"
    middle, least, greatest = (f"{number * scale:.{places}f}" for number in (value.median, value.least, value.greatest))
    return middle if least == greatest or not has_span else f"{middle} ({least}..{greatest})"


def as_text(table: list[list[str]]) -> str:
    """Columns of the width of their longest cell, figures to the right."""
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    return "\n".join("  " + "  ".join(cell.ljust(width) if column == 0 else cell.rjust(width)
                                      for column, (cell, width) in enumerate(zip(row, widths, strict=True))).rstrip()
                     for row in table)


def as_markdown(table: list[list[str]]) -> str:
    lines = [f"| {' | '.join(row)} |" for row in table]
    lines.insert(1, "|" + "---|" * len(table[0]))
    return "\n".join(lines)


def as_json(scenario: Scenario, rounds: Rounds, names: list[str], baseline: str) -> dict[str, object]:
    contestants = {}
    for name in names:
        runs = rounds.get(name, {})
        fields = [field for field in Figures.__dataclass_fields__ if figure(rounds, name, field)]
        contestants[name] = {
            "runs": [vars(run) for run in runs.values()],
            "figures": {field: vars(value) for field in fields if (value := figure(rounds, name, field))},
            "ratios": {field: vars(value) for field in fields if (value := ratio(rounds, name, baseline, field))},
        }
    return {"name": scenario.name, "about": scenario.about, "unit": scenario.unit, "contestants": contestants}
