"""Owns the queue as a sheet, queue.csv: a row for each picture, with columns for a person to fill.

Invariant: no cell that is written is a formula to a spreadsheet; what a spreadsheet makes of the file when it saves it
is read all the same. Does not know whether an answer can be right.
"""

import csv
import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from nightsort.quarantine import cell
from nightsort.review.formats.dates import moment
from nightsort.review.pictures import Shown
from nightsort.review.reply import Given, Reply
from nightsort.schema import place

COLUMNS = (
    "sha256", "picture", "path", "predicted", "confidence", "runner_up", "reasons",
    "verdict", "label", "reviewer", "note",
)  # fmt: skip
"""The columns of queue.csv; a person fills the last four."""

_ASKED = ("verdict", "label", "reviewer", "note", "reasons", "answered_at")
_GUARDED = ("=", "+", "-", "@", "\t", "\r")


def write(shown: Iterable[Shown], file: Path) -> None:
    """Write queue.csv: UTF-8 with the mark by which Excel knows it."""
    with file.open("w", newline="", encoding="utf-8-sig") as stream:
        writer = csv.writer(stream)
        writer.writerow(COLUMNS)
        for one in shown:
            row = one.item.prediction
            cells = [
                one.item.sha256,
                one.picture or f"cannot be read: {one.problem}",
                place(row["path"], row["member"]),
                row["label"],
                f"{row['confidence']:.3f}",
                row["runner_up"],
                " ".join(one.item.reasons),
            ]
            writer.writerow([*map(cell, cells), "", "", "", ""])


def read(data: bytes) -> Reply:
    """The answers in a sheet: at least the columns sha256, and label or verdict; a row with neither says nothing.

    Separated by commas, semicolons or tabs, in UTF-8 or UTF-16.
    """
    reply = Reply("csv")
    try:
        rows = _rows(_text(data))
        names = [name.strip().lower() for name in next(rows, (0, list[str]()))[1]]
    except (UnicodeDecodeError, csv.Error) as error:
        reply.faults.append(f"cannot be read ({error}); save it as 'CSV UTF-8'")
        return reply
    reply.faults += _column_faults(names)
    if not reply.faults:
        try:
            for number, cells in rows:
                _take(reply, number, dict(zip(names, map(_plain, cells), strict=False)), len(cells) > len(names))
        except csv.Error as error:
            reply.faults.append(f"cannot be read to its end ({error}); close every quote, or save it as 'CSV UTF-8'")
    return reply


def _text(data: bytes) -> str:
    return data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")


def _rows(text: str) -> Any:
    """The rows that hold anything, each with the number of its last line."""
    first, _, rest = text.partition("\n")
    told = first.strip().strip('"').lower()
    skipped = 0
    if told.startswith("sep=") and len(told) == 5:  # Excel's own note of what separates
        separator, text, skipped = told[4], rest, 1
    else:
        separator = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)  # a quote left open hides rows
    return ((reader.line_num + skipped, cells) for cells in reader if any(map(str.strip, cells)))


def _plain(text: str) -> str:
    """A cell without space at its ends, and without the mark that kept a spreadsheet from taking it for a formula."""
    text = text.strip()
    return text[1:] if text[:1] == "'" and text[1:2] in _GUARDED else text


def _column_faults(names: list[str]) -> list[str]:
    faults = [
        f"line 1: column {name!r} is there {names.count(name)} times" for name in COLUMNS if names.count(name) > 1
    ]
    if "sha256" not in names:
        faults.append("line 1: column 'sha256' is required; it says which picture a row is about")
    if not {"label", "verdict"} & set(names):
        faults.append("line 1: column 'label' or 'verdict' is required")
    return faults


def _take(reply: Reply, number: int, cells: dict[str, str], is_torn: bool) -> None:
    asked = {name: cells.get(name, "") for name in _ASKED}
    if is_torn:
        reply.faults.append(f"line {number}: has more cells than the header; put text that holds commas into quotes")
    elif not (asked["verdict"] or asked["label"]):
        reply.untouched += 1
    else:
        try:
            when = moment(asked.pop("answered_at"))
        except ValueError as error:
            reply.faults.append(f"line {number}: answered_at: {error}")
            return
        asked["verdict"] = asked["verdict"].lower()
        reply.answers.append(Given(f"line {number}", cells.get("sha256", "").lower(), answered_at=when, **asked))
