"""Owns the reading of a date as people and spreadsheets write it.

Invariant: a date that could be two is refused, never guessed. Does not know what is dated.
"""

import re
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1899, 12, 30, tzinfo=UTC)  # day 0 of a spreadsheet
_DAYS = range(20_000, 80_000)  # 1954 to 2119: what is a date, and not a year or a count
_PARTS = re.compile(r"(\d{1,2})([./-])(\d{1,2})\2(\d{4})(?:,? +(\d{1,2}):(\d{2})(?::(\d{2}))?)?$")


def moment(text: str) -> datetime | None:
    """The time that a text names, UTC unless it says otherwise; None if it is empty.

    :raises ValueError: if it is none, or could be two
    """
    text = text.strip()
    if not text:
        return None
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        return _of_spreadsheet(text)
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def _of_spreadsheet(text: str) -> datetime:
    """31.12.2026 14:30, 12/31/2026, or the number of days that Excel keeps."""
    number = text.replace(",", ".")
    if re.fullmatch(r"\d{5}(\.\d+)?", number) and int(float(number)) in _DAYS:
        return _EPOCH + timedelta(days=float(number))
    match = _PARTS.match(text)
    if match is None:
        raise ValueError(f"must be a date such as 2026-12-31 or 2026-12-31 14:30, got {text!r}")
    first, sign, second, year, *clock = match.groups()
    day, month = int(first), int(second)
    if sign != ".":
        if day <= 12 and month <= 12 and day != month:
            raise ValueError(f"{text!r} could be two days; write year-month-day, such as 2026-12-31")
        day, month = (day, month) if month <= 12 else (month, day)
    hour, minute, seconds = (int(part or 0) for part in clock)
    return datetime(int(year), month, day, hour, minute, seconds, tzinfo=UTC)
