"""Owns how a Delta table changes: commit by commit, each durable when it is reported, some under a ticket.

Invariant: a ticket makes one commit, however often it is tried; none is made once the table has seen a larger
ticket of the same lease; what a commit adds was planned on the very version that the commit follows, or on one
that nothing between contradicts.
Does not know what the rows mean.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Schema, Transaction
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError
from deltalake.transaction import AddAction

from nightsort import logs
from nightsort.datafiles import Action, Ticket
from nightsort.errors import LeaseLostError
from nightsort.storage import Storage, writing
from nightsort.stores import delta_options, gist, persistently

_LOG = logs.logger("commit")

_PROPERTIES = {  # delta-rs would else drop the log of versions older than 30 days
    "delta.enableExpiredLogCleanup": "false",
    "delta.logRetentionDuration": "interval 36500 days",
    "delta.deletedFileRetentionDuration": "interval 36500 days",
    "delta.checkpointInterval": "20",  # what a commit costs grows with the entries since: at 100 it is the threefold
}


class Commits:
    """The commits to a Delta table, which comes into being with the first.

    :param name: folder below the storage root
    :param schema: Arrow schema of every row
    :param partition_by: columns whose values become folders
    """

    def __init__(self, storage: Storage, name: str, schema: pa.Schema, partition_by: list[str]) -> None:
        self._storage = storage
        self._name = name
        self._uri = storage.locate(name)
        self._schema = Schema.from_arrow(schema)
        self._partition_by = partition_by
        self._table: DeltaTable | None = None  # kept: to bring it up to date is cheaper than to open it
        self._durable = 0  # every log entry before this version is

    def make(self, plan: Callable[[DeltaTable], list[Action]], run_id: str, ticket: Ticket | None) -> int:
        """Commit what `plan` makes of the newest version; no actions make no commit.

        :returns: the newest version after it
        :raises WriteError: if the storage is full or gone
        :raises LeaseLostError: if the table has seen a larger ticket of the same lease
        """

        def attempt() -> int:
            table = self._newest(None)
            if not self._has(table, ticket) and (actions := plan(table)):
                self._commit(table, actions, run_id, ticket)
            return self._durable - 1

        with committing(self._uri):
            return persistently(attempt) if ticket else attempt()

    def fence(self, ticket: Ticket) -> None:
        """Refuse from now on every older ticket of the same lease; the table is made if it is not there."""

        def attempt() -> None:
            table = self._newest(ticket)
            if not self._has(table, ticket):
                self._commit(table, [], "", ticket)

        with committing(self._uri):
            persistently(attempt)

    def _newest(self, creating: Ticket | None) -> DeltaTable:
        if self._table is None:
            self._table = open_table(self._uri) or self._create(creating)
            self._durable = self._table.version()  # whoever made this one may have died before it was
            self._make_log_durable(self._table)
        else:
            last = self._last(self._table)
            if self._table.version() < last:
                persistently(self._table.update_incremental)
            if self._durable <= last:  # others' entries, or one of ours that could not be made durable
                self._make_log_durable(self._table)
        return self._table

    def _create(self, ticket: Ticket | None) -> DeltaTable:
        try:
            return DeltaTable.create(
                self._uri,
                self._schema,
                partition_by=self._partition_by,
                configuration=_PROPERTIES,
                commit_properties=_properties("", ticket),
                storage_options=delta_options(self._uri),
            )
        except (DeltaError, OSError):
            if table := open_table(self._uri):  # another process was faster, or this one and the answer was lost
                return table
            raise

    def _has(self, table: DeltaTable, ticket: Ticket | None) -> bool:
        """Whether the commit of this ticket is made; :class:`LeaseLostError` if it must not be any more."""
        seen = None if ticket is None else table.transaction_version(ticket.app)
        if ticket is None or seen is None or seen < ticket.version:
            return False
        if seen > ticket.version:
            raise LeaseLostError(
                f"{self._uri}: another run has taken the lease over since this one was last heard of; "
                "what this one had not committed is left to it"
            )
        return True

    def _commit(self, table: DeltaTable, actions: list[Action], run_id: str, ticket: Ticket | None) -> None:
        added = [action.path for action in actions if isinstance(action, AddAction)]
        self._storage.make_durable(f"{self._name}/{path}" for path in added)
        try:
            table.create_write_transaction(
                actions, "append", self._schema, self._partition_by, commit_properties=_properties(run_id, ticket)
            )
        except CommitFailedError:
            # delta-rs refuses it if another commit under that lease came in between
            persistently(table.update_incremental)
            if not self._has(table, ticket):
                raise
        self._make_log_durable(table)
        _LOG.info("committed to %s", self._name, extra={"table": self._name, "files": len(added)})

    def _entry(self, number: int, ending: str = "json") -> str:
        return f"{self._name}/_delta_log/{number:020}.{ending}"

    def _last(self, table: DeltaTable) -> int:
        """Number of the last log entry; on a disk, looking for it costs far less than an update that finds nothing."""
        if not self._storage.is_local:  # what fsspec says may be a while old
            persistently(table.update_incremental)
            return table.version()
        number = self._durable
        while self._storage.exists(self._entry(number)):
            number += 1
        return number - 1

    def _make_log_durable(self, table: DeltaTable) -> None:
        """delta-rs leaves it to the operating system when a log entry reaches the disk."""
        version = self._last(table)
        numbers = range(self._durable, version + 1)
        entries = [self._entry(number) for number in numbers]
        points = [self._entry(number, "checkpoint.parquet") for number in numbers]
        written = [point for point in points if self._storage.exists(point)]
        hint = [f"{self._name}/_delta_log/_last_checkpoint"] if written else []
        self._storage.make_durable([*entries, *written, *hint])
        self._durable = version + 1


def open_table(uri: str, version: int | None = None) -> DeltaTable | None:
    """The Delta table of a place, None while there is none.

    :param version: that instead of the newest
    """
    try:
        return persistently(lambda: DeltaTable(uri, version=version, storage_options=delta_options(uri)))
    except TableNotFoundError:
        return None


def _properties(run_id: str, ticket: Ticket | None) -> CommitProperties:
    transactions = [Transaction(ticket.app, ticket.version)] if ticket else None
    return CommitProperties(custom_metadata={"run_id": run_id}, app_transactions=transactions)


@contextmanager
def committing(place: str) -> Iterator[None]:
    """What delta-rs raises of its own, such as for a folder that cannot be made, as :class:`WriteError` too."""
    with writing(place):
        try:
            yield
        except DeltaError as error:
            raise OSError(gist(error)) from error
