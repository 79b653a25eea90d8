"""Owns a Delta table under the storage root: rows changed in one commit, read by column.

Invariant: a reader sees a commit whole or not at all; a Parquet file without a commit is invisible; a
version can be read for as long as nobody vacuums it away.
Does not know what the rows mean.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as pds
from deltalake import CommitProperties, DeltaTable, Schema, write_deltalake
from deltalake.exceptions import DeltaError, TableNotFoundError
from deltalake.transaction import AddAction
from pyarrow.fs import FileSystem, SubTreeFileSystem

from nightsort.datafiles import Action, DataFile, adding, removing, write_file
from nightsort.errors import StorageError
from nightsort.storage import Storage, writing

_FOR_EVER = {  # delta-rs would else drop the log of versions older than 30 days
    "delta.enableExpiredLogCleanup": "false",
    "delta.logRetentionDuration": "interval 36500 days",
    "delta.deletedFileRetentionDuration": "interval 36500 days",
}


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

    def append(self, rows: pa.Table, run_id: str = "") -> None:
        """Append rows in one commit; no rows make no commit. :class:`WriteError` if the storage is full or gone."""
        if rows.num_rows:
            with _committing(self.uri):
                table = self._open() or self._create()
                write_deltalake(table, rows, mode="append", commit_properties=_by(run_id))

    def append_files(self, files: Iterable[DataFile], run_id: str) -> int:
        """Make files that already lie in the table's folder part of it, in one commit.

        :returns: the version that this commit made
        """
        with _committing(self.uri):
            return self._transact([adding(file) for file in files], run_id)

    def upsert(self, rows: pa.Table, key: str, run_id: str) -> int:
        """Replace the rows whose key is there and append the others, in one commit.

        :returns: the version that this commit made
        """
        with _committing(self.uri):
            actions, _ = self._without(pc.field(key).isin(rows[key].combine_chunks()))
            return self._transact([*actions, adding(write_file(self.uri, rows, run_id))], run_id)

    def delete(self, where: pc.Expression) -> int:
        """Delete the rows that match, in one commit; older versions keep them.

        :param where: must not be null for any row
        :returns: how many
        """
        with _committing(self.uri):
            actions, deleted = self._without(where)
            if actions:
                self._transact(actions, "")
        return deleted

    def merge_small(self, small: int, target: int) -> int:
        """Rewrite the files below `small` bytes as files of about `target` bytes with the same rows, in one commit.

        :returns: how many files were replaced
        """
        with _committing(self.uri):
            sizes = {name: size for name, size in self._sizes().items() if size < small}
            if len(sizes) < 2:
                return 0
            fragments = {fragment.path: fragment for fragment in self.dataset().get_fragments()}
            actions: list[Action] = [removing(name, size, data_change=False) for name, size in sizes.items()]
            for names in _groups(sizes, target):
                rows = pa.concat_tables(fragments[name].to_table() for name in names)
                actions.append(adding(write_file(self.uri, rows, "merged"), data_change=False))
            self._transact(actions, "")
        return len(sizes)

    def _without(self, where: pc.Expression) -> tuple[list[Action], int]:
        """What takes the matching rows out of the files that hold them, and how many there are.

        delta-rs has an upsert and a delete of its own; of what they write Arrow cannot filter text (string_view).
        """
        actions: list[Action] = []
        sizes, deleted = self._sizes(), 0
        for fragment in self.dataset().get_fragments():
            if hits := fragment.count_rows(filter=where):
                deleted += hits
                actions.append(removing(fragment.path, sizes[fragment.path]))
                kept = fragment.to_table(filter=~where)
                actions += [adding(write_file(self.uri, kept, "kept"))] if kept.num_rows else []
        return actions, deleted

    def _sizes(self) -> dict[str, int]:
        """Bytes of each file of the newest version, by its name."""
        table = self._open()
        if table is None:
            return {}
        files = pa.table(table.get_add_actions())
        return dict(zip(files["path"].to_pylist(), files["size_bytes"].to_pylist(), strict=True))

    def _transact(self, actions: list[Action], run_id: str) -> int:
        table = self._open() or self._create()
        Storage(self.uri).make_durable(action.path for action in actions if isinstance(action, AddAction))
        table.create_write_transaction(actions, "append", Schema.from_arrow(self.schema), commit_properties=_by(run_id))
        table.update_incremental()
        return table.version()

    def vacuum(self, hours: int, keep_versions: bool) -> int:
        """Delete files that are older than this and that no commit ever named; those of old versions too, unless kept.

        :returns: how many
        """
        with _committing(self.uri):
            table = self._open()
            if table is None:
                return 0
            kept = list(range(table.version() + 1)) if keep_versions else None
            return len(
                table.vacuum(hours, dry_run=False, enforce_retention_duration=False, full=True, keep_versions=kept)
            )

    def sizes(self) -> list[int]:
        """Bytes of each file of the newest version."""
        with _reading(self.uri):
            return list(self._sizes().values())

    def changes(self) -> list[dict[str, Any]]:
        """The commits of runs, newest first: version, timestamp in ms since 1970, run_id."""
        with _reading(self.uri):
            table = self._open()
            history = [] if table is None else table.history()
        return [entry for entry in history if entry.get("run_id")]

    def _create(self) -> DeltaTable:
        return DeltaTable.create(
            self.uri,
            Schema.from_arrow(self.schema),
            mode="ignore",
            partition_by=self._partition_by,
            configuration=_FOR_EVER,
        )

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

    def matching(self, columns: Iterable[str], key: str, values: pa.Array) -> Iterator[pa.RecordBatch]:
        """The rows whose key is one of these, streamed; of a row group without any only the keys are read."""
        where = pc.field(key).isin(values)
        with _reading(self.uri):
            for fragment in self.dataset().get_fragments():
                for group in fragment.split_by_row_group():
                    if group.count_rows(filter=where):
                        yield from group.to_batches(columns=list(columns), filter=where, batch_size=256)

    def count(self) -> int:
        """How many rows the newest version has."""
        with _reading(self.uri):
            return int(self.dataset().count_rows())


def _groups(sizes: dict[str, int], target: int) -> Iterator[list[str]]:
    """Names in their order, together about as large as the target."""
    group: list[str] = []
    room = target
    for name, size in sizes.items():
        if group and size > room:
            yield group
            group, room = [], target
        group.append(name)
        room -= size
    if group:
        yield group


def _by(run_id: str) -> CommitProperties:
    return CommitProperties(custom_metadata={"run_id": run_id})


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
