"""Owns the script of the month: what the cameras deliver, and on which day something happens.

Invariant: March 2026 in Berlin, where the clocks are put forward in the night of the 29th: 31 nights, one of which is
cut off, so that 30 leave a report. Does not know how anything is done, or what Nightsort makes of it.
"""

from datetime import date, datetime

from rehearsal.drops import Camera, Delivery

FIRST, DAYS = date(2026, 3, 1), 31

UNSEEN = 9
"""The digit that nobody labels, until people ask for it."""

UNSEEN_FROM = 12
"""From this day on the cameras see it."""

DARK, SILENT = (7, 8), (9,)
"""Days on which the second camera sees nothing; on which it sends nothing, because it is being repaired."""

ZIPPED = 5
"""On this day some pictures come in an archive."""

CUT = 20
"""In this night the power fails while pictures are classified."""

CLOCKS = 29
"""In this night half past two does not exist."""

PATIENCE = 5
"""Days from the first sight of something new until people have answered about it."""

LABELS = 300
"""Pictures that people label then."""

POISON, DELIVERED, FLIPPED = 23, 200, 20
"""On this day somebody delivers so many labelled pictures, so many of them with a wrong label."""

LAST = 7
"""Nights at the end on which the answers are held against the truth."""

_KNOWN, _NEW, _PACKED = 63, 12, 20


def delivery(day: int, moment: datetime, pool: str) -> Delivery:
    """What lies in the drop folder on that day, before the run of that moment."""
    second: Camera = "dark" if day in DARK else "silent" if day in SILENT else "works"
    return Delivery(
        night=day,
        moment=moment,
        pool=pool,
        known=_KNOWN,
        unseen=_NEW if day >= UNSEEN_FROM else 0,
        second_camera=second,
        zipped=_PACKED if day == ZIPPED else 0,
    )
