"""Owns the account of a month's files: that each one ever dropped came to one outcome, the right one, and only once.

Invariant: compares what was sent with what the tables hold; neither side is asked about the other.
Does not know what else happened in the month.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from rehearsal.drops import Fate, Sent
from rehearsal.records import Records, Row

_ALLOWED: dict[Fate, set[str]] = {
    "classified": {"predictions", "copies"},
    "copy": {"predictions", "copies"},  # which of two equal files comes first is nobody's business
    "quarantined": {"quarantine", "copies"},  # an empty file is the same every night
    "ignored": set(),
}


@dataclass
class Account:
    """Where every file went.

    :param outcomes: table, or "ignored", -> files
    :param faults: a line for each file that is not where it should be
    """

    outcomes: dict[str, int]
    faults: list[str]


def account(sent: Iterable[Sent], records: Records) -> Account:
    """Look every file up in the tables, and every row of the tables among the files."""
    rows = {table: _rows(records, table) for table in ("predictions", "copies", "quarantine")}
    found = {place: table for table, some in rows.items() for place in {_place(row) for row in some}}
    sent = list(sent)
    faults = [fault for each in sent for fault in _misplaced(each, found.get(each.place))]
    faults += [f"{place}: in {found[place]}, and nobody sent it" for place in found.keys() - {s.place for s in sent}]
    faults += _bytes(sent, rows)
    faults += _twice(rows)
    outcomes = Counter(found.get(each.place, "ignored") for each in sent)
    return Account(dict(outcomes), faults)


def _rows(records: Records, table: str) -> list[Row]:
    extra = {"predictions": ["model_version"], "quarantine": ["flow"]}.get(table, [])
    rows = records.rows(table, "path", "member", "sha256", *extra)
    return [row for row in rows if row.get("flow", "classify") == "classify"]


def _place(row: Row) -> str:
    return f"{row['path']}!{row['member']}" if row["member"] else str(row["path"])


def _misplaced(sent: Sent, table: str | None) -> list[str]:
    allowed = _ALLOWED[sent.fate]
    if table is None:
        return [f"{sent.place}: lost; should be {sent.fate}"] if allowed else []
    return [] if table in allowed else [f"{sent.place}: in {table}; should be {sent.fate}"]


def _bytes(sent: list[Sent], rows: dict[str, list[Row]]) -> list[str]:
    """What a row says that lies at a place is what lies there."""
    known = {each.place: each.sha256 for each in sent}
    return [
        f"{_place(row)}: {table} says {row['sha256']}, its bytes are {known[_place(row)]}"
        for table, some in rows.items()
        for row in some
        if row["sha256"] is not None and row["sha256"] != known.get(_place(row), row["sha256"])
    ]


def _twice(rows: dict[str, list[Row]]) -> list[str]:
    """A picture has one outcome under one model, and a file one row in one table."""
    keys = Counter((row["sha256"], row["model_version"]) for row in rows["predictions"])
    faults = [
        f"{sha256}: classified {count} times by model {model}" for (sha256, model), count in keys.items() if count > 1
    ]
    places = Counter(_place(row) for some in rows.values() for row in some)
    return [*faults, *(f"{place}: has {count} rows" for place, count in places.items() if count > 1)]
