"""Owns the question what is new: a listing, fingerprinted or not, against what already has an outcome.

Invariant: after `leave_unchanged`, no undecided row is known by its place, size, stamp and label; after `decide`,
the undecided rows hold each SHA-256 once, and none that is known.
Does not know what made a picture known: the dataset, the ledger or the quarantine.
"""

import os
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nightsort.schema import FINGERPRINTS
from nightsort.sources.marks import mark

KNOWN = pa.schema([FINGERPRINTS.field(name) for name in ("sha256", "path", "member", "size", "stamp", "label")])
"""What has an outcome.

The size matters where no SHA-256 could be had; size, stamp and label where none is asked for.
"""


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
    stamped = pc.not_equal(pc.coalesce(listing["stamp"], ""), "")
    undecided = pc.and_(stamped, pc.is_null(listing["outcome"]))
    bad = pc.fill_null(pc.equal(listing["outcome"], "quarantined"), False)
    same = pc.is_in(_state(listing), _state(known))
    return mark(listing, [(pc.and_(same, pc.or_(undecided, bad)), "skipped", "known", "")])


def gone(listing: pa.Table, before: pa.Table, root: str) -> pa.ChunkedArray:
    """SHA-256 of what lay below the root and is not listed there any more.

    :param listing: table of the schema LISTING, of all that the root holds
    :param before: columns sha256, path and member
    :param root: path or URI of the source
    """
    root = root if "://" in root else os.path.abspath(root)  # noqa: PTH100 (links are not followed in places either)
    below = pc.or_(pc.equal(before["path"], root), pc.starts_with(before["path"], f"{root.rstrip('/')}/"))
    places = [pc.binary_join_element_wise(rows["path"], rows["member"], "\x00") for rows in (before, listing)]
    return before["sha256"].filter(pc.and_(below, pc.invert(pc.is_in(places[0], places[1]))))


def decide(fingerprints: pa.Table, known: pa.Table) -> pa.Table:
    """Decide the rows that need no work.

    The same file with the same bytes as before is `skipped`; other files with known bytes, and the
    second and later files with equal bytes in this listing, are `duplicate`.

    :param fingerprints: table of the schema FINGERPRINTS
    :param known: table of the schema KNOWN
    :returns: the same rows by path and member, `outcome` still null in those that are new
    """
    fingerprints = fingerprints.sort_by([("path", "ascending"), ("member", "ascending")])
    rows = fingerprints.append_column("row", pa.array(range(fingerprints.num_rows), pa.int64()))
    is_known = pc.is_in(rows["sha256"], known["sha256"], skip_nulls=True)
    is_later = pc.fill_null(pc.less(_first_rows(rows), rows["row"]), False)
    same_file = pc.is_in(_identity(rows), _identity(known))
    undecided = pc.is_null(rows["outcome"])
    or_bad = pc.or_kleene(undecided, pc.equal(rows["outcome"], "quarantined"))
    return mark(
        fingerprints,
        [
            (pc.and_kleene(same_file, or_bad), "skipped", "known", ""),
            (pc.and_kleene(undecided, pc.or_kleene(is_known, is_later)), "duplicate", "same_bytes", ""),
        ],
    )


def _first_rows(rows: pa.Table) -> pa.ChunkedArray:
    """For each row, the first undecided row with its SHA-256; null where it has none."""
    undecided = rows.filter(pc.is_null(rows["outcome"]))
    firsts = undecided.group_by("sha256", use_threads=False).aggregate([("row", "min")])
    return _take(firsts["row_min"], pc.index_in(rows["sha256"], firsts["sha256"], skip_nulls=True))


def _take(values: pa.ChunkedArray, indices: pa.ChunkedArray) -> pa.ChunkedArray:
    return pa.chunked_array([values.combine_chunks().take(chunk) for chunk in indices.chunks], values.type)


def _identity(rows: pa.Table) -> pa.ChunkedArray:
    """What makes a row the same file with the same bytes: place and SHA-256, or size where there is none."""
    content = pc.coalesce(rows["sha256"], pc.cast(rows["size"], pa.string()), "")
    return pc.binary_join_element_wise(rows["path"], rows["member"], content, "\x00")


def _state(rows: pa.Table) -> pa.ChunkedArray:
    """What changes when a file or what is said of it does."""
    size, stamp, label = (pc.coalesce(pc.cast(rows[name], pa.string()), "") for name in ("size", "stamp", "label"))
    return pc.binary_join_element_wise(rows["path"], rows["member"], size, stamp, label, "\x00")


def chunks(rows: pa.Table, size: int, max_bytes: int = 2**62) -> Iterator[pa.Table]:
    """Slices of at most `size` rows, in order, with at most `max_bytes` declared bytes unless one row has more."""
    ends = np.cumsum(pc.fill_null(rows["size"], 0).to_numpy())
    start = 0
    while start < len(ends):
        before = ends[start - 1] if start else 0
        stop = max(start + 1, min(start + size, int(np.searchsorted(ends, before + max_bytes, side="right"))))
        yield rows.slice(start, stop - start)
        start = stop
