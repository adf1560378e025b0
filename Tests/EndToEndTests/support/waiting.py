"""Waiting for a condition with a deadline, never for a time."""

import time
from collections.abc import Callable
from typing import TypeVar

from support.limits import limit

Value = TypeVar("Value")


def wait_for(
    what: str, condition: Callable[[], Value], seconds: float = limit(10), pause: float = 0.01
) -> Value:
    """Returns the first true value of `condition`; fails with `what` and the last value after `seconds`.

    An exception of the condition counts as false: the thing that is waited for may not be there yet.
    """
    deadline = time.monotonic() + seconds
    last: object = None
    while True:
        try:
            last = condition()
            if last:
                return last
        except Exception as error:
            last = error
        if time.monotonic() >= deadline:
            raise AssertionError(f"waited {seconds} s in vain for: {what}; last seen: {last!r}")
        time.sleep(pause)
