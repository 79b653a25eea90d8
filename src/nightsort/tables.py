"""Owns a Delta table under the storage root: rows changed in one commit, read by column.

Invariant: a reader sees a commit whole or not at all; a Parquet file without a commit is invisible; a
version can be read for as long as nobody vacuums it away.
Does not know what the rows mean.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import groupby
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError
from pyarrow.fs import SubTreeFileSystem

from nightsort.arrow import dataset as pds
from nightsort.commits import Commits, committing, open_table
from nightsort.datafiles import Action, DataFile, Ticket, adding, removing, write_file
from nightsort.errors import StorageError
from nightsort.storage import Storage
from nightsort.stores import arrow_filesystem, gist

CHECKED = {"fragment_scan_options": pds.ParquetFragmentScanOptions(page_checksum_verification=True)}
_STREAMED = {"fragment_readahead": 1, "batch_readahead": 2, "cache_metadata": False}  # memory does not follow the table


class Table:
    """A Delta table, which comes into being with its first commit.

    :param name: folder below the storage root
    :param schema: Arrow schema of every row
    :param partition_by: column whose values become folders
    """

    def __init__(self, storage: Storage, name: str, schema: pa.Schema, partition_by: str | None = None) -> None:
        self.uri = storage.locate(name)
        self.schema = schema
        self._partition_by = partition_by
        self._commits = Commits(storage, name, schema, [partition_by] if partition_by else [])

    def version(self) -> int | None:
        """Number of the newest version; None while there is no table."""
        with reading(self.uri):
            table = open_table(self.uri)
            return None if table is None else table.version()

    def append(self, rows: pa.Table, run_id: str = "", ticket: Ticket | None = None) -> None:
        """Append rows of the table's schema in one commit; no rows make none. Raises what :meth:`Commits.make` does."""
        if rows.num_rows:
            self._commits.make(lambda _: self._written(rows, run_id or "rows"), run_id, ticket)

    def append_files(self, files: Iterable[DataFile], run_id: str, ticket: Ticket | None = None) -> int:
        """Make files that already lie in the table's folder part of it, in one commit.

        :returns: the version that this commit made
        """
        return self._commits.make(lambda _: [adding(file) for file in files], run_id, ticket)

    def upsert(self, rows: pa.Table, key: str, run_id: str, ticket: Ticket | None = None) -> int:
        """Replace the rows whose key is there and append the others, in one commit.

        :param rows: of the schema of the table, each key once
        :returns: the version that this commit made
        """

        def plan(table: DeltaTable) -> list[Action]:
            actions, _ = self._without(table, pc.field(key).isin(rows[key].combine_chunks()))
            return [*actions, *self._written(rows, run_id)]

        return self._commits.make(plan, run_id, ticket)

    def delete(self, where: pc.Expression, ticket: Ticket | None = None) -> int:
        """Delete the rows that match, in one commit; older versions keep them.

        :param where: must not be null for any row
        :returns: how many
        """
        deleted = 0

        def plan(table: DeltaTable) -> list[Action]:
            nonlocal deleted
            actions, deleted = self._without(table, where)
            return actions

        if self.version() is not None:
            self._commits.make(plan, "", ticket)
        return deleted

    def merge_small(self, small: int, target: int, ticket: Ticket | None = None) -> int:
        """Rewrite the files below `small` bytes as files of about `target` bytes with the same rows, in one commit.

        Only files of one partition are merged with each other.

        :returns: how many files were replaced
        """
        merged: list[str] = []

        def plan(table: DeltaTable) -> list[Action]:
            sizes = {name: size for name, size in sorted(_sizes(table).items()) if size < small}
            groups = [group for group in _groups(sizes, target) if len(group) > 1]
            fragments = {fragment.path: fragment for fragment in self._over(table).get_fragments()}
            added: list[Action] = []
            for group in groups:
                rows = pa.concat_tables(fragments[name].to_table(schema=self.schema, **CHECKED) for name in group)
                added += self._written(rows, "merged", data_change=False)
            merged.extend(name for group in groups for name in group)
            return [*(removing(name, sizes[name], data_change=False) for name in merged), *added]

        if self.version() is not None:
            self._commits.make(plan, "", ticket)
        return len(merged)

    def fence(self, ticket: Ticket) -> None:
        """Refuse from now on every commit under an older ticket of the same lease."""
        self._commits.fence(ticket)

    def _written(self, rows: pa.Table, prefix: str, data_change: bool = True) -> list[Action]:
        """What adds these rows, in new files, one for each partition."""
        rows = rows.select(self.schema.names).cast(self.schema)
        return [
            adding(write_file(self.uri, part, prefix, folder), data_change)
            for folder, part in _partitions(rows, self._partition_by)
        ]

    def _without(self, table: DeltaTable, where: pc.Expression) -> tuple[list[Action], int]:
        """What takes the matching rows out of the files that hold them, and how many there are.

        delta-rs has an upsert and a delete of its own; of what they write Arrow cannot filter text (string_view).
        """
        actions: list[Action] = []
        sizes, deleted = _sizes(table), 0
        for fragment in self._over(table).get_fragments():
            if hits := fragment.scanner(schema=self.schema, columns=[], filter=where).count_rows():
                deleted += hits
                actions.append(removing(fragment.path, sizes[fragment.path]))
                actions += self._written(fragment.to_table(schema=self.schema, filter=~where, **CHECKED), "kept")
        return actions, deleted

    def vacuum(self, hours: int, keep_versions: bool) -> int:
        """Delete files that are older than this and that no commit ever named; those of old versions too, unless kept.

        :returns: how many
        """
        with committing(self.uri):
            table = open_table(self.uri)
            if table is None:
                return 0
            kept = list(range(table.version() + 1)) if keep_versions else None
            return len(
                table.vacuum(hours, dry_run=False, enforce_retention_duration=False, full=True, keep_versions=kept)
            )

    def sizes(self) -> list[int]:
        """Bytes of each file of the newest version."""
        with reading(self.uri):
            table = open_table(self.uri)
            return [] if table is None else list(_sizes(table).values())

    def changes(self) -> list[dict[str, Any]]:
        """The commits of runs, newest first: version, timestamp in ms since 1970, run_id."""
        with reading(self.uri):
            table = open_table(self.uri)
            history = [] if table is None else table.history()
        return [entry for entry in history if entry.get("run_id")]

    def dataset(self, version: int | None = None) -> pds.Dataset:
        """An Arrow dataset over one version, the newest unless named; empty while there is no table."""
        table = open_table(self.uri, version)
        if table is None:
            return pds.dataset(self.schema.empty_table())
        return self._over(table)

    def _over(self, table: DeltaTable) -> pds.Dataset:
        # delta-rs would hand Arrow a filesystem written in Python. Arrow's threads that still hold one
        # when the process ends abort it (seen in one process of three, with pyarrow 26).
        native, path = arrow_filesystem(self.uri)
        return table.to_pyarrow_dataset(filesystem=SubTreeFileSystem(path, native), schema=self.schema)

    def read(self, columns: Iterable[str], where: pc.Expression | None = None, version: int | None = None) -> pa.Table:
        """The named columns of the rows that match; :class:`StorageError` if a page of theirs is not as written."""
        with reading(self.uri):
            return self.dataset(version).to_table(columns=list(columns), filter=where, **CHECKED)

    def batches(
        self, columns: Iterable[str], where: pc.Expression | None = None, batch_size: int = 256
    ) -> Iterator[pa.RecordBatch]:
        """The same as :meth:`read`, streamed."""
        with reading(self.uri):
            data = self.dataset()
            options = {"batch_size": batch_size, **_STREAMED, **CHECKED}
            yield from data.to_batches(columns=list(columns), filter=where, **options)

    def matching(self, columns: Iterable[str], key: str, values: pa.Array) -> Iterator[pa.RecordBatch]:
        """The rows whose key is one of these, streamed; of a row group without any only the keys are read."""
        where = pc.field(key).isin(values)
        with reading(self.uri):
            for fragment in self.dataset().get_fragments():
                for group in fragment.split_by_row_group():
                    if group.count_rows(filter=where):
                        yield from group.to_batches(columns=list(columns), filter=where, batch_size=256)

    def count(self) -> int:
        """How many rows the newest version has."""
        with reading(self.uri):
            return int(self.dataset().count_rows())


def _sizes(table: DeltaTable) -> dict[str, int]:
    """Bytes of each file, by its name."""
    files = pa.table(table.get_add_actions())
    return dict(zip(files["path"].to_pylist(), files["size_bytes"].to_pylist(), strict=True))


def _partitions(rows: pa.Table, column: str | None) -> Iterator[tuple[str, pa.Table]]:
    """The rows of each value of a column, without it, and the folder that says so; only one if there is no column."""
    if column is None:
        yield "", rows
    else:
        for value in pc.unique(rows[column]).to_pylist():
            yield f"{column}={value}/", rows.filter(pc.field(column) == value).drop_columns([column])


def _groups(sizes: dict[str, int], target: int) -> Iterator[list[str]]:
    """Names of one folder in their order, together about as large as the target."""
    for _, names in groupby(sizes, key=lambda name: name.rpartition("/")[0]):
        group: list[str] = []
        room = target
        for name in names:
            if group and sizes[name] > room:
                yield group
                group, room = [], target
            group.append(name)
            room -= sizes[name]
        yield group


@contextmanager
def reading(place: str) -> Iterator[None]:
    """Turn what deltalake or Arrow raises while a table is read into :class:`StorageError`."""
    try:
        yield
    except (DeltaError, pa.ArrowException, OSError) as error:
        if (cause := gist(error)).startswith("NoSuchBucket"):
            raise StorageError(f"{place}: there is no such bucket; make it, or choose one with --storage") from error
        raise StorageError(f"{place}: is damaged, incomplete or not to be reached ({cause})") from error
