"""A table that commits are made to under tickets, and its rows."""

import pyarrow as pa

from nightsort.datafiles import Ticket
from nightsort.storage import Storage
from nightsort.tables import Table

SCHEMA = pa.schema([("n", pa.int64()), ("day", pa.string())])


def rows(*numbers: int, day: str = "2026-11-21") -> pa.Table:
    """Rows of one day."""
    return pa.Table.from_pylist([{"n": n, "day": day} for n in numbers], schema=SCHEMA)


def numbers(table: Table) -> list[int]:
    """What is in the table."""
    return sorted(table.read(["n"])["n"].to_pylist())


def ticket(version: int, app: str = "lease") -> Ticket:
    """A ticket of a lease."""
    return Ticket(app, version)


def again(table: Table, storage: Storage) -> Table:
    """The same table as another process has it."""
    return Table(storage, "t", SCHEMA, partition_by=table._partition_by)
