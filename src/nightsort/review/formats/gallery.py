"""Owns the queue as a page to look through, index.html, with the pictures beside it.

Invariant: all text is escaped by the template engine, which is never switched off; the page runs nothing, and loads
nothing but the pictures. Does not know how an answer is given.
"""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from nightsort.review.pictures import Shown
from nightsort.review.queue import REASONS
from nightsort.schema import place


def write(shown: Iterable[Shown], styles: Path, now: datetime, folder: Path) -> None:
    """Write index.html.

    :param styles: folder with the sheet of styles of all pages, report.css
    :param folder: of the export, with the pictures
    """
    environment = Environment(
        loader=FileSystemLoader([Path(__file__).parent.parent / "templates", styles]),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_printable,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    listed = list(shown)
    counts = {reason: sum(reason in one.item.reasons for one in listed) for reason in REASONS}
    page = environment.get_template("queue.html").render(
        shown=listed, counts=counts, reasons=REASONS, now=now, place=place
    )
    (folder / "index.html").write_text(page, encoding="utf-8")


def _printable(value: object) -> object:
    """Text whose odd characters are spelled out: a name can hold what turns a line around."""
    if type(value) is not str:
        return value
    return "".join(char if char.isprintable() or char in "\n\t" else repr(char)[1:-1] for char in value)
