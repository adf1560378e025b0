"""docs/metrics.md held against a page of metrics: names, types, labels, and which of the two pages has them."""

import re
from dataclasses import dataclass, replace

from prometheus_client.parser import text_string_to_metric_families

from support.fleet import PROJECT

ROW = re.compile(r"^\| `([a-z_]+)` \|([^|]*)\|([^|]*)\|([^|]*)\|([^|]*)\|$", re.M)
# Labels whose values a row's meaning has to name.
CLOSED = {"budget", "error_type", "kind", "outcome", "phase", "reason", "result", "state"}


@dataclass(frozen=True)
class Family:
    kind: str
    labels: frozenset[str]


@dataclass(frozen=True)
class Documented(Family):
    # `yes` when a data plane that serves its own page has it, too, `only` when nobody else has.
    alone: str
    meaning: str

    @property
    def words(self) -> set[str]:
        return set(re.findall(r"`([^`]+)`", self.meaning))


def documented() -> dict[str, Documented]:
    """Each row of the tables; a row of another form is a mistake, not a metric that nobody looks at."""
    text = (PROJECT / "docs/metrics.md").read_text()
    rows = {name: Documented(kind.strip(), frozenset(re.findall(r"`([a-z_]+)`", labels)), alone.strip(), meaning)
            for name, kind, labels, alone, meaning in ROW.findall(text)}
    assert len(rows) == len(re.findall(r"^\| `", text, re.M)), "a row is not of the form of the others, or there twice"
    assert {row.alone for row in rows.values()} == {"", "yes", "only"}
    return rows


def exposed(text: str) -> dict[str, list[Family]]:
    """The families of a page, each with the sets of labels of its samples; a histogram's own `le` is none of them."""
    kinds = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M))
    found: dict[str, list[Family]] = {name: [] for name in kinds}
    for family in text_string_to_metric_families(text):
        # The parser takes `_total` off the names of counters.
        name = family.name if family.name in kinds else f"{family.name}_total"
        for sample in family.samples:
            labels = frozenset(sample.labels) - ({"le"} if kinds[name] == "histogram" else set())
            if (one := Family(kinds[name], labels)) not in found[name]:
                found[name].append(one)
    return found


def differences(rows: dict[str, Documented], page: dict[str, list[Family]]) -> list[str]:
    """What the documents say of this page and is not so, and what they do not say."""
    wrong = [f"{name} is on the page and not documented for it" for name in page.keys() - rows.keys()]
    for name, row in rows.items():
        families = page.get(name)
        if families is None:
            wrong.append(f"{name} is documented and not on the page")
        elif not families:
            wrong.append(f"{name} has no sample, so that nobody knows its labels")
        elif families != [Family(row.kind, row.labels)]:
            wrong.append(f"{name} is documented as {row.kind} {sorted(row.labels)}, and is "
                         + ", ".join(f"{one.kind} {sorted(one.labels)}" for one in families))
    return sorted(wrong)


def unexplained(rows: dict[str, Documented], text: str) -> set[tuple[str, str]]:
    """Values of labels with a closed set, with their metric, that its row does not name."""
    return {(name, value) for family in text_string_to_metric_families(text) for sample in family.samples
            for label, value in sample.labels.items() if label in CLOSED
            for name in [family.name if family.name in rows else f"{family.name}_total"] if value not in rows[name].words}


def mistakes(rows: dict[str, Documented], name: str) -> list[dict[str, Documented]]:
    """The documents with one row wrong, in every way in which a row can be wrong."""
    row = rows[name]
    others = {key: value for key, value in rows.items() if key != name}
    wrong = [replace(row, kind=kind) for kind in {"counter", "gauge", "histogram"} - {row.kind}]
    wrong += [replace(row, labels=row.labels | {"absent"})]
    wrong += [replace(row, labels=row.labels - {label}) for label in row.labels]
    return [others, others | {f"{name}_absent": row}] + [others | {name: one} for one in wrong]
