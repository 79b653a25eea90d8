"""Owns the check of clocks: this machine's, its time zone, how far others are off.

Invariant: no clock is set. Does not know who is asked for the time.
"""

import ctypes
import os
import secrets
import time
from collections.abc import Iterator
from datetime import UTC, datetime

from nightsort.clock import OFFSET
from nightsort.leases.lease import EXPIRY
from nightsort.operations.checks.finding import Finding, fail, ok, warn
from nightsort.storage import Storage

_SET_TIME = "set the time of both by NTP, such as with systemd-timesyncd or chrony"
_UNSYNCHRONISED = 5  # TIME_ERROR of adjtimex(2)
_TIMEX_BYTES = 208
_NOTABLE = 5.0  # seconds


def clock() -> Iterator[Finding]:
    """Whether this machine's clock follows others', and what zone it is in."""
    now, zone = datetime.now(UTC), "/".join(time.tzname)
    told = f"{now:%Y-%m-%d %H:%M:%S} UTC, time zone {zone}; schedules go by the zone that each names"
    if _is_synchronised():
        yield ok("clock", told)
    else:
        remedy = "have NTP set it: 'timedatectl set-ntp true'; of a container the host's clock counts"
        yield warn("clock", f"{told}; the kernel says that nobody keeps it right", remedy)
    if offset := os.environ.get(OFFSET):
        yield warn(
            "clock", f"{OFFSET}={offset}: everything is dated wrongly", f"unset {OFFSET}, which is for rehearsals"
        )


def storage_clock(storage: Storage) -> Iterator[Finding]:
    """How far the clock of a storage root is off, by the date of a file that is written for it."""
    name = f".probe-{secrets.token_hex(4)}"
    before = time.time()
    storage.write_bytes(name, b"")
    try:
        after, dated = time.time(), storage.modified(name).timestamp()
    finally:
        storage.remove(name)
    yield apart("clock", "the storage's clock", dated, before, after)


def apart(subject: str, whose: str, dated: float, before: float, after: float) -> Finding:
    """How far another clock is off, from its answer and the times before and after it.

    :param dated: seconds since 1970 by the other clock, perhaps cut to whole ones; so are `before` and `after` by ours
    """
    off = max(before - 1 - dated, dated - after, 0.0)
    told = f"{whose} and this machine's are {off:.0f} s apart"
    if off < _NOTABLE:
        return ok(subject, f"{whose} agrees with this machine's")
    return (fail if off >= EXPIRY else warn)(subject, told, f"{_SET_TIME}; leases of {EXPIRY:.0f} s rely on it")


def _is_synchronised() -> bool:
    """What the kernel was told by whoever keeps the time; unknown counts as yes."""
    try:
        library = ctypes.CDLL(None)
        return bool(library.adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES)) != _UNSYNCHRONISED)
    except (OSError, AttributeError):
        return True
