"""One look at a page of metrics, to be set against an earlier one and against what others counted."""

from collections import Counter

from prometheus_client.parser import text_string_to_metric_families

from support.metrics import page


class Scrape:
    """What a page tells beyond an earlier one."""

    def __init__(self, port: int, before: "Scrape | None" = None):
        self.before = before
        self.values = {(sample.name, frozenset(sample.labels.items())): sample.value
                       for family in text_string_to_metric_families(page(port)) for sample in family.samples}

    def total(self, name: str, **labels: str) -> float:
        found = sum(value for (one, held), value in self.values.items() if one == name and set(labels.items()) <= held)
        return found - (self.before.total(name, **labels) if self.before else 0)

    def by(self, name: str, *labels: str) -> Counter[tuple[str, ...]]:
        """The sums for each combination of some labels that is not 0."""
        keys = {tuple(dict(held)[label] for label in labels) for one, held in self.values if one == name}
        assert keys, f"there is no {name}"
        sums = {key: self.total(name, **dict(zip(labels, key, strict=True))) for key in keys}
        return Counter({key: value for key, value in sums.items() if value})


def apart(found: Counter, seen: Counter) -> float:
    """How many were counted differently, whatever they are."""
    return sum(abs(found[key] - seen[key]) for key in found.keys() | seen.keys())
