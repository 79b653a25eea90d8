"""Owns the wait for what another process is to do.

Invariant: what does not come is an error that names it. Does not know what is waited for.
"""

import time
from collections.abc import Callable
from typing import TypeVar

from nightsort.errors import RunError

T = TypeVar("T")

_PATIENCE = 420.0  # seconds; not how long it may take, but when to give up rather than hang for ever


def until(ready: Callable[[], T], what: str, every: float = 0.1) -> T:
    """The first answer that is true.

    :param every: seconds between two looks
    :raises RunError: if there is none
    """
    end = time.monotonic() + _PATIENCE
    while not (answer := ready()):
        if time.monotonic() > end:
            raise RunError(f"{what}: did not come within {_PATIENCE:.0f} s")
        time.sleep(every)
    return answer
