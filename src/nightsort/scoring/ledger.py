"""Owns the ledger: which picture has which outcome under which model, and where its bytes were seen.

Invariant: (sha256, model_version, preprocessing) is in it once; what is committed is never changed. A copy says
nothing by itself: it counts for as long as its bytes have an outcome.
Does not know how a prediction came about.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from nightsort import clock
from nightsort.datafiles import Ticket
from nightsort.quarantine import Quarantine, for_its_bytes
from nightsort.schema import PREDICTIONS, SEEN
from nightsort.sources.contents import write_contents
from nightsort.sources.places import Places
from nightsort.storage import Storage
from nightsort.tables import Table

_ROWS = 16_384  # of a batch: what a reader holds at once
_TARGET = 1_000_000  # bytes of a merged file: some 8,000 rows, which are sorted in memory
_FILES = 1024  # of a table that has outgrown the target: whoever looks for a place opens each of them
_LARGEST = 64_000_000  # bytes of a merged file, whatever the table has grown to
_HOURS_TO_FINISH = 24  # readers of files that were merged away get this long
_STATE = ["path", "member", "size", "stamp", "sha256"]
_ANY = pc.scalar(True)


class Ledger:
    """The ledger of a storage root: its predictions, and copies of what has an outcome."""

    def __init__(self, storage: Storage) -> None:
        self._predictions = Table(storage, "predictions", PREDICTIONS, partition_by="run_date")
        self._copies = Table(storage, "copies", SEEN)
        self._quarantine = Quarantine(storage)

    def unchanged(self, rows: pa.Table, under: int | None) -> pa.Table:
        """Decide, without reading them, the files that are as they were when they came to their outcome.

        A file is the same if its place, size and stamp are; what the store gives no stamp for is read again.

        :param rows: a slice of a listing, table of the schema LISTING; memory follows its length
        :param under: a model version: only what that model classified counts as an outcome; None: what any did
        :returns: the same rows by the schema FINGERPRINTS, `outcome` skipped in those
        """
        if not rows.num_rows:
            return rows.append_column("last_sha256", pa.nulls(0, pa.string()))
        places = Places(rows)
        near = places.near()
        places.look(
            self.batches([*_STATE, "model_version", "classified_at"], near),
            "classified_at",
            lambda found: _is_of(found["model_version"], under),
        )
        places.look(
            self._quarantine.batches([*_STATE, "reason", "quarantined_at"], "classify", near),
            "quarantined_at",
            lambda found: pc.not_equal(found["reason"], "unreadable"),  # which may be over
        )
        places.look(
            self._copies.batches(SEEN.names, near, batch_size=_ROWS),
            "seen_at",
            lambda found: pc.is_in(found["sha256"], self._with_outcome(found["sha256"].unique(), under)),
        )
        return places.decided()

    def write_contents(self, folder: Path, under: int | None) -> str:
        """Write the SHA-256 of all that has an outcome into a file, for :func:`nightsort.sources.contents.is_in`.

        :param under: as in :meth:`unchanged`
        """
        return write_contents(self._outcomes(under), folder)

    def commit(self, predictions: pa.Table, ticket: Ticket | None = None) -> None:
        """Commit the predictions of a chunk; the same ticket again commits nothing.

        :param predictions: table of the schema PREDICTIONS, each of its pictures without an outcome so far
        :raises LeaseLostError: if somebody else holds the lease by now
        """
        self._predictions.append(predictions, ticket=ticket)

    def remember(self, copies: pa.Table, ticket: Ticket | None = None) -> None:
        """Commit other places, or other stamps of the same place, of bytes that have an outcome.

        What has no stamp is left out: it is read every time, and would be remembered anew every time.

        :param copies: table of the schema COPIES
        :raises LeaseLostError: if somebody else holds the lease by now
        """
        copies = copies.filter(pc.not_equal(copies["stamp"], ""))  # null is neither equal nor not
        now = pa.repeat(clock.now(), copies.num_rows)
        self._copies.append(copies.append_column("seen_at", now).cast(SEEN), ticket=ticket)

    def fence(self, ticket: Ticket) -> None:
        """Shut out who held the lease before; call it once, before the first look at what has an outcome."""
        self._predictions.fence(ticket)
        self._copies.fence(ticket)

    def tidy(self, ticket: Ticket | None = None) -> int:
        """Merge the small files of each day, and delete what nothing names any more.

        A day that nothing was added to since stays as it is, so a night costs what its own rows cost; of a ledger of
        gigabytes the files of old days are merged again each time that it has doubled.

        :returns: how many files were merged
        """
        merged = 0
        for table in (self._predictions, self._copies):
            target = min(max(_TARGET, sum(table.sizes()) // _FILES), _LARGEST)
            merged += table.merge_small(target // 2, target, ticket)
            table.vacuum(_HOURS_TO_FINISH, keep_versions=False)
        return merged

    def count(self) -> int:
        """How many predictions there are."""
        return self._predictions.count()

    def predictions(self, *columns: str) -> pa.Table:
        """The named columns of all predictions, a table of so many rows: all of it in memory."""
        return self._predictions.read(columns)

    def newest(self, count: int, *columns: str) -> pa.Table:
        """The named columns, classified_at among them, of the predictions made last, the newest first."""
        newest = pa.schema([PREDICTIONS.field(name) for name in columns]).empty_table()
        for batch in self.batches(columns):
            rows = pa.concat_tables([newest, pa.Table.from_batches([batch])])
            newest = rows.take(pc.select_k_unstable(rows, count, [("classified_at", "descending")]))
        return newest

    def batches(self, columns: Iterable[str], where: pc.Expression | None = None) -> Iterator[pa.RecordBatch]:
        """The named columns of the predictions that match, streamed."""
        return self._predictions.batches(columns, where, batch_size=_ROWS)

    def _with_outcome(self, sha256s: pa.Array, under: int | None) -> pa.Array:
        """Those of these contents that have an outcome."""
        return pa.chunked_array(self._outcomes(under, pc.field("sha256").isin(sha256s)), pa.string()).combine_chunks()

    def _outcomes(self, under: int | None, where: pc.Expression = _ANY) -> Iterator[pa.Array]:
        """The SHA-256 of all that has an outcome, and matches, streamed."""
        of_model = _ANY if under is None else pc.field("model_version") == under
        for batch in self.batches(["sha256"], where & of_model):
            yield batch["sha256"]
        for batch in self._quarantine.batches(["sha256", "path", "member", "reason"], "classify", where):
            yield from for_its_bytes(pa.Table.from_batches([batch]))["sha256"].chunks


def _is_of(versions: pa.ChunkedArray, under: int | None) -> pa.ChunkedArray:
    return pc.is_valid(versions) if under is None else pc.equal(versions, under)
