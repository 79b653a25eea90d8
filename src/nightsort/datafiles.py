"""Owns the Parquet file that a worker writes and a table takes in, and what a commit says of it.

Invariant: a file is whole before any commit can name it; two files never have one name; a row group is small
enough to be read whole.
Does not know tables.
"""

import json
import time
import uuid
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake.transaction import AddAction, RemoveAction

from nightsort.storage import Storage

_GROUP_BYTES = 32_000_000  # a row group is read whole, so it is sized by bytes and not by rows
_GROUP_ROWS = 16_384  # at most: a row group is also encoded whole
_EACH_ANOTHER = {"path", "member", "stamp", "top_confidences"}  # of these a dictionary would be as long as the column


Action = AddAction | RemoveAction


@dataclass(frozen=True)
class Ticket:
    """What a commit says of the lease that it is made under: of one lease, a table takes rising versions only.

    One ticket is for one commit to each table; the same commit tried again must carry the same ticket.
    """

    app: str  # the lease, Delta's application id
    version: int


@dataclass(frozen=True)
class DataFile:
    """A Parquet file that lies in a table's folder and is not yet part of the table."""

    name: str  # relative to the table's folder; a folder "column=value" says what partition it is in
    rows: int
    size: int  # bytes


def write_file(folder: str, rows: pa.Table, prefix: str, partition: str = "") -> DataFile:
    """Write rows into a Parquet file that no commit names yet.

    Every call makes a file of its own, so that what a retried worker left behind is never committed.

    :param folder: path or URI of a table
    :param partition: "column=value/" if that column, absent from the rows, has one value in all of them
    """
    rows_per_group = min(_GROUP_ROWS, max(1, _GROUP_BYTES * rows.num_rows // max(1, rows.nbytes)))
    name = f"{partition}{prefix}-{uuid.uuid4().hex[:12]}.parquet"
    encoded = pa.BufferOutputStream()
    # Pictures are compressed already, and no two are equal: dictionaries and statistics would cost more than decoding.
    binary = [field.name for field in rows.schema if pa.types.is_large_binary(field.type)]
    others = [name for name in rows.column_names if name not in {*binary, "sha256"}]
    if {"path", "member"} <= {*others} and not binary:  # statistics then say what rows need not be looked at
        rows = rows.sort_by([("path", "ascending"), ("member", "ascending")])
    leaf = {field.name: _leaf(field) for field in rows.schema}
    pq.write_table(
        rows,
        encoded,
        row_group_size=rows_per_group,
        compression={leaf[name]: "zstd" if name in others else "none" for name in rows.column_names},
        use_dictionary=[leaf[name] for name in others if name not in _EACH_ANOTHER],
        write_statistics=others,
        write_page_checksum=True,
    )
    data = encoded.getvalue()
    # Who commits sees to it that it is durable; a worker that waits for the disk leaves a core idle.
    Storage(folder).write_bytes(name, memoryview(data), durable=False)
    return DataFile(name, rows.num_rows, data.size)


def _leaf(field: pa.Field) -> str:
    """What Parquet calls a column: it stores the items of a list, and to other names it does not listen."""
    return f"{field.name}.list.element" if pa.types.is_list(field.type) else field.name


def adding(file: DataFile, data_change: bool = True) -> AddAction:
    """What a commit says to take a file in; `data_change` is false if its rows were there already."""
    stats = json.dumps({"numRecords": file.rows})
    return AddAction(file.name, file.size, _values(file.name), int(time.time() * 1000), data_change, stats)


def removing(name: str, size: int, data_change: bool = True) -> RemoveAction:
    """What a commit says to leave a file out from now on; earlier versions keep it."""
    return RemoveAction(
        path=name,
        deletion_timestamp=int(time.time() * 1000),
        data_change=data_change,
        partition_values=_values(name),
        size=size,
    )


def _values(name: str) -> dict[str, str | None]:
    """Value of each partition column, as the folders of a file say."""
    return {column: value for column, _, value in (part.partition("=") for part in name.split("/")[:-1])}
