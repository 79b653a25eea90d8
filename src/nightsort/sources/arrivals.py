"""Owns the question what is new: a listing against what already has an outcome.

Invariant: after `leave_unchanged`, no undecided row is known by its place, size, stamp and label.
Does not know what made a picture known: the dataset, the ledger or the quarantine.
"""

import os
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nightsort.disk import is_uri
from nightsort.schema import QUARANTINE
from nightsort.sources.marks import mark

KNOWN = pa.schema([QUARANTINE.field(name) for name in ("sha256", "path", "member", "size", "stamp", "label")])
"""What has an outcome.

The size matters where no SHA-256 could be had; size, stamp and label where none is asked for.
"""

PLACE = ["path", "member"]
"""The columns that say where a file lies."""

STATE = [*PLACE, "size", "stamp"]
"""The columns that change when a file does."""


def known_from(rows: pa.Table) -> pa.Table:
    """Rows of any table as KNOWN; columns that it does not have are null."""
    missing = [field for field in KNOWN if field.name not in rows.column_names]
    for field in missing:
        rows = rows.append_column(field, pa.nulls(rows.num_rows, field.type))
    return rows.select(KNOWN.names).cast(KNOWN)


def leave_unchanged(listing: pa.Table, known: pa.Table) -> pa.Table:
    """Decide, without reading them, the files that are as they were when they came to their outcome.

    A file is the same if its place, size, stamp and label are; what the store gives no stamp for is read again.
    What the listing itself found to be bad is bad without a stamp too, and is set aside once.

    :param listing: table of the schema LISTING
    :param known: table of the schema KNOWN
    :returns: the same rows, `outcome` skipped in those
    """
    said = [*STATE, "label"]
    return skip(listing, pc.is_in(joined(listing, said), joined(known, said)))


def skip(listing: pa.Table, same: pa.ChunkedArray) -> pa.Table:
    """Decide the files that are as they were, of those that need a decision and can tell.

    :param listing: table of the schema LISTING
    :param same: where nothing is seen to have changed
    """
    stamped = pc.not_equal(pc.coalesce(listing["stamp"], ""), "")
    undecided = pc.and_(stamped, pc.is_null(listing["outcome"]))
    bad = pc.fill_null(pc.equal(listing["outcome"], "quarantined"), False)
    return mark(listing, [(pc.and_(same, pc.or_(undecided, bad)), "skipped", "known", "")])


def gone(listing: pa.Table, before: pa.Table, root: str) -> pa.ChunkedArray:
    """SHA-256 of what lay below the root and is not listed there any more.

    :param listing: table of the schema LISTING, of all that the root holds
    :param before: columns sha256, path and member
    :param root: path or URI of the source
    """
    root = root if is_uri(root) else os.path.abspath(root)  # noqa: PTH100 (links are not followed in places either)
    below = pc.or_(pc.equal(before["path"], root), pc.starts_with(before["path"], f"{root.rstrip('/')}/"))
    is_there = pc.is_in(joined(before, PLACE), joined(listing, PLACE))
    return before["sha256"].filter(pc.and_(below, pc.invert(is_there)))


def joined(rows: pa.Table, names: list[str]) -> pa.ChunkedArray:
    """What these columns say of each row, as one text to compare; null says nothing."""
    return pc.binary_join_element_wise(*(pc.coalesce(pc.cast(rows[name], pa.string()), "") for name in names), "\x00")


def chunks(rows: pa.Table, size: int, max_bytes: int = 2**62) -> Iterator[pa.Table]:
    """Slices of at most `size` rows, in order, with at most `max_bytes` declared bytes unless one row has more.

    :param rows: a table with a column size, in bytes, null where it is not known
    """
    ends = np.cumsum(pc.fill_null(rows["size"], 0).to_numpy())
    start = 0
    while start < len(ends):
        before = ends[start - 1] if start else 0
        stop = max(start + 1, min(start + size, int(np.searchsorted(ends, before + max_bytes, side="right"))))
        yield rows.slice(start, stop - start)
        start = stop
