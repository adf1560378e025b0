"""Time limits of the tests, which a slow machine may stretch by SIGNALBOX_LIMIT_FACTOR."""

import os

FACTOR = float(os.environ.get("SIGNALBOX_LIMIT_FACTOR", "1"))


def limit(seconds: float) -> float:
    """The limit of a rule in seconds, times the factor of this machine."""
    return seconds * FACTOR
