"""Owns how a figure, a time or a piece of foreign text is written for a person.

Invariant: whatever a file is called, what comes out is printable, bounded and, in Markdown, inert.
Does not know where on the page it will stand.
"""

import calendar
import re
from collections.abc import Sequence
from datetime import UTC, datetime

from markupsafe import Markup, escape

_MARKDOWN = re.compile(r"[\\`*_{}\[\]#|~@]|:(?=//)|(?<=www)\.")
_KEPT = "\n\t"


def count(number: float) -> str:
    """A count with thousands separators; effective counts are rounded to whole pictures."""
    return f"{round(number):,}"


def plural(number: int, noun: str) -> str:
    """A count with its regular noun: 1 picture, 312 pictures; 1 class, 2 classes."""
    ending = "" if number == 1 else "es" if noun.endswith("s") else "s"
    return f"{count(number)} {noun}{ending}"


def percent(share: float) -> str:
    """A share of 0 to 1 in per cent; only nothing is 0% and only all is 100%."""
    if share in (0, 1):
        return f"{share:.0%}"
    if 0 < share < 0.001:
        return "<0.1%"
    if 0.999 < share < 1:
        return ">99.9%"
    return f"{share:.1%}"


def score(value: float | None) -> str:
    """A figure of 0 to 1 with three decimals, a dash where there is none."""
    return "–" if value is None else f"{value:.3f}"


def figure(value: float) -> str:
    """A measure with three significant digits: 48,000, 215, 1.33, 0.0124."""
    return f"{float(f'{value:.3g}'):,.12g}"


def drift(value: float | None) -> str:
    """A difference of probabilities with four decimals, a dash where there is none; only no difference is 0."""
    if value is None:
        return "–"
    return "<0.0001" if 0 < value < 0.0001 else f"{value:.4f}" if value else "0"


def signed(value: float) -> str:
    """A difference with its sign, three decimals."""
    return f"{value:+.3f}".replace("-", "−")


def duration(seconds: float) -> str:
    """Wall time in the two largest units."""
    if seconds < 59.95:
        return f"{seconds:.2f} s" if seconds < 1 else f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def utc(moment: datetime) -> datetime:
    """The same moment in UTC; a naive one is taken to be UTC already."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def day(moment: datetime) -> str:
    """The date in UTC in plain words: 21 November 2026."""
    moment = utc(moment)
    return f"{moment.day} {calendar.month_name[moment.month]} {moment.year}"


def clock(moment: datetime) -> str:
    """Date and time in UTC, saying so."""
    return f"{day(moment)}, {utc(moment):%H:%M:%S} UTC"


def minute(moment: datetime) -> str:
    """Date and minute in UTC, for a column that says so: 2026-11-21 02:00."""
    return f"{utc(moment):%Y-%m-%d %H:%M}"


def shorten(text: str, limit: int = 160) -> str:
    """At most `limit` characters; the middle is left out, because both ends of a path matter."""
    if len(text) <= limit:
        return text
    tail = limit // 2
    return f"{text[: limit - tail - 1]}…{text[-tail:]}"


def first(names: Sequence[str], most: int, between: str = ", ") -> str:
    """The first names, and how many there are more."""
    more = len(names) - most
    return between.join(names[:most]) + (f" and {count(more)} more" if more > 0 else "")


def name(path: str) -> str:
    """The file name at the end of a path or URI, or of an archive member."""
    return re.split(r"[/\\]", path.rstrip("/\\"))[-1] or path


def printable(value: object) -> object:
    """Show control characters, lone surrogates and direction overrides instead of obeying them.

    Made for Jinja's `finalize`: markup and everything that is not text passes through.
    """
    if not isinstance(value, str) or isinstance(value, Markup) or value.isprintable():
        return value
    return "".join(c if c in _KEPT or c.isprintable() else f"\\u{ord(c):04x}" for c in value)


def cell(value: object, limit: int = 160) -> Markup:
    """Foreign text as one Markdown table cell: no markup, no link, no line break."""
    text = str(printable(shorten(" ".join(str(value).split()), limit)))
    return escape(_MARKDOWN.sub(lambda found: "\\" + found.group(), text))
