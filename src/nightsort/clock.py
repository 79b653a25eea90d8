"""Owns the time that goes into what is kept: when a run began, when a picture was classified.

Invariant: one clock for every process of a run, UTC, that runs as fast as time does. A rehearsal sets it off by
NIGHTSORT_CLOCK_OFFSET seconds; leases and waits go by the machine's own clock all the same.
Does not know what is dated.
"""

import os
from datetime import UTC, datetime, timedelta

from nightsort.errors import ConfigError

OFFSET = "NIGHTSORT_CLOCK_OFFSET"
"""Environment variable: seconds by which this clock is ahead of the machine's."""


def now() -> datetime:
    """The time, UTC.

    :raises ConfigError: if the environment variable says nothing that can be a time
    """
    offset = os.environ.get(OFFSET) or "0"
    try:
        return datetime.now(UTC) + timedelta(seconds=float(offset))
    except (ValueError, OverflowError):
        raise ConfigError(
            f"{OFFSET}: must be a number of seconds that leads to a year from 1 to 9999, got {offset!r}"
        ) from None
