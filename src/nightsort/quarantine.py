"""Owns the quarantine: pictures set aside, each with a typed reason and its original bytes.

Invariant: a row names one of `schema.REASONS`; a row is there until a person asks for its file to be
looked at again, and older versions of the table keep it even then.
Does not know how a picture was judged, only what was found.
"""

import csv
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from nightsort import clock
from nightsort.datafiles import DataFile, Ticket
from nightsort.errors import StorageError
from nightsort.schema import QUARANTINE, REASONS
from nightsort.sources.arrivals import KNOWN, known_from
from nightsort.storage import Storage, writing
from nightsort.tables import Table

CONTENT_CAP = 1_000_000
"""Original bytes kept of a quarantined picture; a larger one is named but not copied."""

_ROWS = 16_384  # of a batch without the bytes

_HOURS_TO_FINISH = 24  # a run may still be writing

_COLUMNS = [name for name in QUARANTINE.names if name != "content"]


class Quarantine:
    """The quarantine of a storage root."""

    def __init__(self, storage: Storage) -> None:
        self._table = Table(storage, "quarantine", QUARANTINE)

    @property
    def folder(self) -> str:
        """Path or URI where workers write files of rows."""
        return self._table.uri

    def append(self, rows: pa.Table, ticket: Ticket | None = None) -> None:
        """Append rows of the schema QUARANTINE; an unknown reason is a bug and raises ValueError."""
        unknown = set(rows.column("reason").to_pylist()) - REASONS.keys()
        if unknown:
            raise ValueError(f"quarantine: reasons {sorted(unknown)} are not in schema.REASONS")
        self._table.append(rows, ticket=ticket)

    def append_files(self, files: Iterable[DataFile], run_id: str, ticket: Ticket | None = None) -> None:
        """Make files of rows, written by workers into `folder`, part of the quarantine."""
        if named := list(files):
            self._table.append_files(named, run_id, ticket)

    def fence(self, ticket: Ticket) -> None:
        """Shut out who held the lease before."""
        self._table.fence(ticket)

    def rows(self, *columns: str, reason: str | None = None) -> pa.Table:
        """The named columns of all rows, or of those with a reason."""
        return self._table.read(columns, None if reason is None else pc.field("reason") == reason)

    def known(self, flow: str) -> pa.Table:
        """What this flow need not look at again, by the schema `arrivals.KNOWN`; unreadable files it should."""
        where = (pc.field("flow") == flow) & (pc.field("reason") != "unreadable")
        return known_from(self._table.read(KNOWN.names, where))

    def bytes_known(self, flow: str) -> pa.Table:
        """sha256, path and member of what this flow set aside for its bytes; see :func:`for_its_bytes`."""
        return for_its_bytes(self._table.read(["sha256", "path", "member", "reason"], pc.field("flow") == flow))

    def batches(
        self, columns: Iterable[str], flow: str, where: pc.Expression | None = None
    ) -> Iterator[pa.RecordBatch]:
        """The named columns of what this flow set aside, or of those rows that match, streamed."""
        of_flow = pc.field("flow") == flow
        return self._table.batches(columns, of_flow if where is None else of_flow & where, batch_size=_ROWS)

    def kept(self, run_id: str, reason: str, limit: int) -> Iterator[dict[str, object]]:
        """Some of what a run set aside for a reason, with the original bytes, which were kept."""
        where = (pc.field("run_id") == run_id) & (pc.field("reason") == reason) & pc.is_valid(pc.field("content"))
        for batch in self._table.batches(QUARANTINE.names, where, batch_size=limit):
            yield from batch.slice(0, limit).to_pylist()
            limit -= min(limit, batch.num_rows)
            if not limit:
                return

    def count(self) -> int:
        """How many rows there are."""
        return self._table.count()

    def requeue(self, reason: str | None, ticket: Ticket | None = None) -> int:
        """Forget the verdicts, or those of one reason: the next run over the source looks at these files again.

        :returns: how many rows were dropped
        """
        where = pc.is_valid(pc.field("reason")) if reason is None else pc.field("reason") == reason
        return self._table.delete(where, ticket)

    def tidy(self) -> int:
        """Delete what runs that failed left behind a day ago or longer; every version stays as it is.

        :returns: how many files
        """
        return self._table.vacuum(_HOURS_TO_FINISH, keep_versions=True)

    def export(
        self, folder: Path, reason: str | None, on_progress: Callable[[int], None] = lambda count: None
    ) -> tuple[int, int]:
        """Write the original bytes into a folder for each reason, and one index, `quarantine.csv`.

        Files are named by their content, never by what a stranger called them.

        :param folder: is made; must be empty
        :returns: how many rows the index has, and how many of them have bytes
        :raises StorageError: if it holds something, or is a file
        :raises WriteError: if it cannot be written to
        """
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            what = "is not empty" if folder.is_dir() else "is a file"
            raise StorageError(f"{folder}: {what}; name a folder that is not there yet")
        written = kept = 0
        with writing(str(folder)):
            folder.mkdir(parents=True, exist_ok=True)
            with (folder / "quarantine.csv").open("w", newline="", encoding="utf-8") as file:
                index = csv.writer(file)
                index.writerow(["file", *_COLUMNS])
                for row in self._each(reason):
                    name = _save(folder, row)
                    index.writerow([name, *(cell(row[column]) for column in _COLUMNS)])
                    written, kept = written + 1, kept + bool(name)
                    on_progress(1)
        return written, kept

    def _each(self, reason: str | None) -> Iterator[dict[str, object]]:
        where = None if reason is None else pc.field("reason") == reason
        for batch in self._table.batches(QUARANTINE.names, where, batch_size=16):
            yield from batch.to_pylist()


def _save(folder: Path, row: dict[str, object]) -> str:
    """Name of the written file, empty if the bytes were not kept."""
    content = row["content"]
    if not isinstance(content, bytes):
        return ""
    ending = re.search(r"\.[A-Za-z0-9]{1,5}$", str(row["member"] or row["path"]))
    name = f"{row['reason']}/{row['sha256']}{ending[0].lower() if ending else ''}"
    (folder / str(row["reason"])).mkdir(exist_ok=True)
    (folder / name).write_bytes(content)
    return name


def cell(value: object) -> str:
    """Text of a table's cell that a spreadsheet does not take for a formula."""
    text = "" if value is None else str(value)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def for_its_bytes(rows: pa.Table) -> pa.Table:
    """sha256, path and member of what any other file with the same bytes would be set aside for too.

    :param rows: columns of the schema QUARANTINE; a missing label is a fault of the place, not of the bytes
    """
    of_bytes = pc.and_(pc.is_valid(rows["sha256"]), pc.not_equal(rows["reason"], "no_label"))
    return rows.filter(of_bytes).select(["sha256", "path", "member"])


def row(
    item: dict[str, object], reason: str, detail: str, *, flow: str, run_id: str, content: bytes | None = None
) -> dict[str, object]:
    """One row of the schema QUARANTINE.

    :param item: a row of the schema LISTING or FINGERPRINTS, with its sha256 if the bytes were read
    :param content: the original bytes, if they could be read
    """
    return {
        **{name: item.get(name) for name in KNOWN.names},
        "reason": reason,
        "detail": detail,
        "content": content if content is not None and len(content) <= CONTENT_CAP else None,
        "flow": flow,
        "run_id": run_id,
        "quarantined_at": clock.now(),
    }
