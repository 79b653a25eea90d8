"""Waiting for what another process is to do."""

import time
from collections.abc import Callable
from typing import TypeVar

import pytest

T = TypeVar("T")

_PATIENCE = 300.0  # seconds; not how long it may take, but when to give up rather than hang the whole run


def until(ready: Callable[[], T], what: str, every: float = 0.1) -> T:
    """The first answer that is true; the test fails and says what did not come if there is none.

    :param every: seconds between two looks
    """
    end = time.monotonic() + _PATIENCE
    while not (answer := ready()):
        if time.monotonic() > end:
            pytest.fail(f"{what}: did not come within {_PATIENCE:.0f} s")
        time.sleep(every)
    return answer
