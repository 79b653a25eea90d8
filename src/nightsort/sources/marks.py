"""Owns how rows of a listing come to an outcome without being read.

Invariant: of several cases that hold for a row the first counts; where none does, the row stays as it is.
Does not know the cases.
"""

import pyarrow as pa
import pyarrow.compute as pc

from nightsort.schema import LISTING

Case = tuple[pa.ChunkedArray, str, str, "str | pa.ChunkedArray"]
"""Where it holds (null is no), then outcome, reason and detail."""


def mark(rows: pa.Table, cases: list[Case]) -> pa.Table:
    """Write outcome, reason and detail of the first case that holds in each row.

    :param rows: table with the columns of the schema LISTING
    """
    for name, position in (("outcome", 1), ("reason", 2), ("detail", 3)):
        column = rows[name]
        for case in reversed(cases):
            column = pc.if_else(pc.fill_null(case[0], False), case[position], column)
        rows = rows.set_column(rows.schema.get_field_index(name), LISTING.field(name), column)
    return rows
