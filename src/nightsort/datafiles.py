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


Action = AddAction | RemoveAction


@dataclass(frozen=True)
class DataFile:
    """A Parquet file that lies in a table's folder and is not yet part of the table."""

    name: str  # relative to the table's folder
    rows: int
    size: int  # bytes


def write_file(folder: str, rows: pa.Table, prefix: str) -> DataFile:
    """Write rows into a Parquet file that no commit names yet.

    Every call makes a file of its own, so that what a retried worker left behind is never committed.

    :param folder: path or URI of a table
    """
    rows_per_group = min(_GROUP_ROWS, max(1, _GROUP_BYTES * rows.num_rows // max(1, rows.nbytes)))
    name = f"{prefix}-{uuid.uuid4().hex[:12]}.parquet"
    encoded = pa.BufferOutputStream()
    # Pictures are compressed already, and no two are equal: dictionaries and statistics would cost more than decoding.
    binary = [field.name for field in rows.schema if pa.types.is_large_binary(field.type)]
    others = [name for name in rows.column_names if name not in {*binary, "sha256"}]
    pq.write_table(
        rows,
        encoded,
        row_group_size=rows_per_group,
        compression={name: "zstd" if name in others else "none" for name in rows.column_names},
        use_dictionary=others,
        write_statistics=others,
        write_page_checksum=True,
    )
    data = encoded.getvalue()
    # Who commits sees to it that it is durable; a worker that waits for the disk leaves a core idle.
    Storage(folder).write_bytes(name, memoryview(data), durable=False)
    return DataFile(name, rows.num_rows, data.size)


def adding(file: DataFile, data_change: bool = True) -> AddAction:
    """What a commit says to take a file in; `data_change` is false if its rows were there already."""
    stats = json.dumps({"numRecords": file.rows})
    return AddAction(file.name, file.size, {}, int(time.time() * 1000), data_change, stats)


def removing(name: str, size: int, data_change: bool = True) -> RemoveAction:
    """What a commit says to leave a file out from now on; earlier versions keep it."""
    return RemoveAction(
        path=name, deletion_timestamp=int(time.time() * 1000), data_change=data_change, partition_values={}, size=size
    )
