"""Secrets, one for each place where something can be said, and where they turn up."""

import re

# Short, so that a piece of one is found, too.
STEM = "canary7f"
WHOLE = re.compile(STEM + r"n(\d\d\d)z|" + STEM, re.I)


class Canaries:
    def __init__(self) -> None:
        self.places: list[str] = []

    def secret(self, place: str) -> str:
        """The secret of a place, the same one at every call; in lower case, as names of hosts are."""
        if place not in self.places:
            self.places.append(place)
        return f"{STEM}n{self.places.index(place):03}z"

    def found(self, text: str) -> set[str]:
        """The places whose secrets stand in a text; `a piece` for one that is not whole."""
        return {self.places[int(match[1])] if match[1] else "a piece" for match in WHOLE.finditer(text)}
