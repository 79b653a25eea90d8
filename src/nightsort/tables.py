"""Owns a Delta table under the storage root: rows appended in one commit, read by column.

Invariant: a reader sees a commit whole or not at all; a Parquet file without a commit is invisible.
Does not know what the rows mean.
"""

import json
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as pds
from deltalake import CommitProperties, DeltaTable, Schema, write_deltalake
from deltalake.exceptions import DeltaError, TableNotFoundError
from deltalake.transaction import AddAction, RemoveAction
from pyarrow.fs import FileSystem, SubTreeFileSystem

from nightsort.errors import StorageError
from nightsort.storage import Storage, writing


@dataclass(frozen=True)
class DataFile:
    """A Parquet file that lies in a table's folder and is not yet part of the table."""

    name: str  # relative to the table's folder
    rows: int
    size: int  # bytes


class Table:
    """A Delta table, which comes into being with its first commit.

    :param name: folder below the storage root
    :param schema: Arrow schema of every row
    :param partition_by: column whose values become folders
    """

    def __init__(self, storage: Storage, name: str, schema: pa.Schema, partition_by: str | None = None) -> None:
        self.uri = storage.locate(name)
        self.schema = schema
        self._partition_by = [partition_by] if partition_by else None

    def _open(self, version: int | None = None) -> DeltaTable | None:
        try:
            return DeltaTable(self.uri, version=version)
        except TableNotFoundError:
            return None

    def version(self) -> int | None:
        """Number of the newest version; None while there is no table."""
        with _reading(self.uri):
            table = self._open()
            return None if table is None else table.version()

    def append(self, rows: pa.Table) -> None:
        """Append rows in one commit; no rows make no commit. :class:`WriteError` if the storage is full or gone."""
        if rows.num_rows:
            with _committing(self.uri):
                write_deltalake(self.uri, rows, mode="append", partition_by=self._partition_by)

    def append_files(self, files: Iterable[DataFile], run_id: str) -> int:
        """Make files that already lie in the table's folder part of it, in one commit.

        :returns: the version that this commit made
        """
        now = int(time.time() * 1000)
        actions: list[AddAction | RemoveAction] = [
            AddAction(f.name, f.size, {}, now, True, json.dumps({"numRecords": f.rows})) for f in files
        ]
        schema = Schema.from_arrow(self.schema)
        with _committing(self.uri):
            table = self._open() or DeltaTable.create(self.uri, schema, mode="ignore")
            table.create_write_transaction(
                actions, "append", schema, commit_properties=CommitProperties(custom_metadata={"run_id": run_id})
            )
        table.update_incremental()
        return table.version()

    def dataset(self, version: int | None = None) -> pds.Dataset:
        """An Arrow dataset over one version, the newest unless named; empty while there is no table."""
        table = self._open(version)
        if table is None:
            return pds.dataset(self.schema.empty_table())
        # delta-rs would hand Arrow a filesystem written in Python. Arrow's threads that still hold one
        # when the process ends abort it (seen in one process of three, with pyarrow 26).
        native, path = FileSystem.from_uri(self.uri)
        return table.to_pyarrow_dataset(filesystem=SubTreeFileSystem(path, native), schema=self.schema)

    def read(self, columns: Iterable[str], where: pc.Expression | None = None, version: int | None = None) -> pa.Table:
        """The named columns of the rows that match."""
        with _reading(self.uri):
            return self.dataset(version).to_table(columns=list(columns), filter=where)

    def batches(
        self,
        columns: Iterable[str],
        where: pc.Expression | None = None,
        version: int | None = None,
        batch_size: int = 256,
    ) -> Iterator[pa.RecordBatch]:
        """The same as :meth:`read`, streamed."""
        with _reading(self.uri):
            yield from self.dataset(version).to_batches(columns=list(columns), filter=where, batch_size=batch_size)

    def count(self) -> int:
        """How many rows the newest version has."""
        with _reading(self.uri):
            return int(self.dataset().count_rows())


@contextmanager
def _reading(place: str) -> Iterator[None]:
    try:
        yield
    except (DeltaError, pa.ArrowException, OSError) as error:
        cause = str(error).strip().splitlines()[0]
        raise StorageError(f"{place}: is damaged, incomplete or not to be reached ({cause})") from error


@contextmanager
def _committing(place: str) -> Iterator[None]:
    """What delta-rs raises of its own, such as for a folder that cannot be made, as :class:`WriteError` too."""
    with writing(place):
        try:
            yield
        except DeltaError as error:
            raise OSError(str(error)) from error
