"""Owns the question what is new: a fingerprinted listing against what already has an outcome.

Invariant: after `decide`, the undecided rows hold each SHA-256 once, and none that is known.
Does not know what made a picture known: the dataset, the ledger or the quarantine.
"""

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from nightsort.schema import FINGERPRINTS

KNOWN = pa.schema(
    [
        *(FINGERPRINTS.field(name) for name in ("sha256", "path", "member", "size", "label")),
        pa.field("here_only", pa.bool_()),
    ]
)
"""What has an outcome.

The size only matters where no SHA-256 could be had, the label where it must agree. `here_only`: the
outcome is due to where the file lies; the same bytes elsewhere are new. Null counts as false.
"""


def known_from(rows: pa.Table) -> pa.Table:
    """Rows of any table as KNOWN; columns that it does not have are null."""
    missing = [field for field in KNOWN if field.name not in rows.column_names]
    for field in missing:
        rows = rows.append_column(field, pa.nulls(rows.num_rows, field.type))
    return rows.select(KNOWN.names).cast(KNOWN)


def decide(fingerprints: pa.Table, known: pa.Table, labels_matter: bool = True) -> pa.Table:
    """Decide the rows that need no work.

    The same file with the same bytes as before is `skipped`; other files with known bytes, and the
    second and later files with equal bytes in this listing, are `duplicate`; if both have a label
    and the labels differ, they are `quarantined` as a label conflict.

    :param fingerprints: table of the schema FINGERPRINTS
    :param known: table of the schema KNOWN
    :param labels_matter: false where pictures are not taken in as examples: no label conflicts then
    :returns: the same rows, `outcome` still null in those that are new; those with a label first,
        then by path and member
    """
    fingerprints = _ordered(fingerprints)
    rows = fingerprints.append_column("row", pa.array(range(fingerprints.num_rows), pa.int64()))
    everywhere = known.filter(pc.invert(pc.fill_null(known["here_only"], False)))
    known_label = _take(everywhere["label"], pc.index_in(rows["sha256"], everywhere["sha256"], skip_nulls=True))
    is_known = pc.is_in(rows["sha256"], everywhere["sha256"], skip_nulls=True)
    first = _first_rows(rows)
    is_later = pc.fill_null(pc.less(first, rows["row"]), False)
    other_label = pc.if_else(is_known, known_label, _take(rows["label"], first))
    conflict = pc.and_(pc.fill_null(pc.not_equal(rows["label"], other_label), False), labels_matter)
    repeated = pc.or_kleene(is_known, is_later)
    same_file = pc.is_in(_identity(rows), _identity(known))
    undecided = pc.is_null(rows["outcome"])
    or_bad = pc.or_kleene(undecided, pc.equal(rows["outcome"], "quarantined"))
    return _settle(
        fingerprints,
        [
            (pc.and_kleene(same_file, or_bad), "skipped", "known", ""),
            (pc.and_kleene(undecided, pc.and_kleene(repeated, conflict)), "quarantined", "label_conflict", other_label),
            (pc.and_kleene(undecided, repeated), "duplicate", "same_bytes", ""),
        ],
    )


def _ordered(fingerprints: pa.Table) -> pa.Table:
    """Of equal bytes the first row is worked on, so a file without a label must not come before one with."""
    order = [("unlabelled", "ascending"), ("path", "ascending"), ("member", "ascending")]
    rows = fingerprints.append_column("unlabelled", pc.is_null(fingerprints["label"]))
    return rows.sort_by(order).drop_columns("unlabelled")


def _first_rows(rows: pa.Table) -> pa.ChunkedArray:
    """For each row, the first undecided row with its SHA-256; null where it has none."""
    undecided = rows.filter(pc.is_null(rows["outcome"]))
    firsts = undecided.group_by("sha256", use_threads=False).aggregate([("row", "min")])
    return _take(firsts["row_min"], pc.index_in(rows["sha256"], firsts["sha256"], skip_nulls=True))


def _take(values: pa.ChunkedArray, indices: pa.ChunkedArray) -> pa.ChunkedArray:
    return pa.chunked_array([values.combine_chunks().take(chunk) for chunk in indices.chunks], values.type)


def _identity(rows: pa.Table) -> pa.ChunkedArray:
    """What makes a row the same file with the same bytes: place and SHA-256, or size where there is none."""
    content = pc.coalesce(rows["sha256"], pc.cast(rows["size"], pa.string()))
    return pc.binary_join_element_wise(rows["path"], rows["member"], content, "\x00")


def _settle(rows: pa.Table, cases: list[tuple[pa.Array, str, str, pa.Array | str]]) -> pa.Table:
    """Write outcome, reason and detail of the first case that holds in each row."""
    for name, position in (("outcome", 1), ("reason", 2), ("detail", 3)):
        column = rows[name]
        for case in reversed(cases):
            column = pc.if_else(pc.fill_null(case[0], False), case[position], column)
        rows = rows.set_column(rows.schema.get_field_index(name), FINGERPRINTS.field(name), column)
    return rows


def chunks(rows: pa.Table, size: int) -> Iterator[pa.Table]:
    """Slices of at most `size` rows, in order."""
    for start in range(0, rows.num_rows, size):
        yield rows.slice(start, size)
