"""Owns the stages that every run over a source begins with: list, fingerprint, decide what is new.

Invariant: the rows that come out are the rows that were listed.
Does not know what becomes of the new ones.
"""

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, Protocol, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from nightsort import quarantine
from nightsort.config import IntakeParams
from nightsort.errors import CeilingError
from nightsort.reports.account import Account
from nightsort.schema import FINGERPRINTS, LISTING, QUARANTINE, place
from nightsort.sources.arrivals import chunks, decide
from nightsort.sources.files import Access
from nightsort.sources.listing import list_source
from nightsort.sources.reader import fingerprint
from tasks.compute import Done, Workers
from tasks.progress import progress
from tasks.runs import Run
from tasks.stage import stage


def access(run: Run, params: IntakeParams) -> Access:
    """How this run reads its source."""
    return Access(
        scratch=str(run.scratch),
        max_bytes=params.max_bytes,
        max_members=params.max_members,
        max_ratio=params.max_ratio,
        frames_per_second=params.frames_per_second,
    )


@stage(retries=2)
def list_pictures(run: Run, params: IntakeParams, manifest: str | None = None, folder_splits: bool = False) -> pa.Table:
    """Every file and archive member of the source; the table lies in a file and takes no memory of its own."""
    file = run.scratch / f"listing-{uuid.uuid4().hex}.arrow"
    with progress("listing", None) as advance, pa.ipc.new_file(str(file), LISTING) as listing:
        for batch in list_source(
            params.source,
            access(run, params),
            manifest=manifest,
            folder_splits=folder_splits,
            settle_seconds=params.settle_seconds,
            on_progress=advance,
            leave_out=run.storage.root,
        ):
            listing.write_batch(batch)
    return pa.ipc.open_file(pa.memory_map(str(file))).read_all()


@stage(retries=2)
def fingerprint_pictures(run: Run, params: IntakeParams, listing: pa.Table, workers: Workers) -> pa.Table:
    """The listing with the SHA-256 of everything that is to be read."""
    undecided = pc.is_null(listing["outcome"])
    done = [_without_hash(listing.filter(pc.invert(undecided)))]
    todo = listing.filter(undecided)
    with progress("fingerprinting", todo.num_rows) as advance:
        for item in workers.map(fingerprint, chunks(todo, params.chunk_size), access(run, params)):
            done.append(_without_hash(item.chunk, died=True) if item.result is None else item.result)
            advance(item.chunk.num_rows)
    return pa.concat_tables(done)


@stage(retries=2)
def decide_what_is_new(run: Run, fingerprints: pa.Table, known: pa.Table) -> pa.Table:
    """The same rows; an outcome where none is to be worked for, and undecided where it is new."""
    return decide(fingerprints, known)


def open_account(run: Run, params: IntakeParams, decided: pa.Table) -> Account:
    """Begin the account of a run.

    :raises CeilingError: if too much was judged bad without being decoded
    """
    account = run.account = Account(params.source, decided.num_rows, decided)
    account.check_ceiling(params.max_quarantined, params.min_quarantined)
    return account


def judged_bad(run: Run, decided: pa.Table) -> pa.Table:
    """The quarantine rows of what was judged without being decoded."""
    rows = decided.filter(pc.equal(decided["outcome"], "quarantined")).to_pylist()
    return _table(quarantine.row(row, row["reason"], row["detail"], flow=run.flow, run_id=run.id) for row in rows)


def new_rows(decided: pa.Table) -> pa.Table:
    """The rows that are still undecided."""
    return decided.filter(pc.is_null(decided["outcome"]))


class Settled(Protocol):
    """What a worker makes of a chunk, beside what it is made for."""

    @property
    def quarantined(self) -> pa.Table: ...
    @property
    def deferred(self) -> int: ...


S = TypeVar("S", bound=Settled)


@dataclass(frozen=True)
class Came(Generic[S]):
    """What came back of a chunk: a result, or the picture that killed its worker."""

    result: S | None
    poison: pa.Table  # schema QUARANTINE


def settle(
    run: Run,
    what: str,
    params: IntakeParams,
    work: Iterator[Done[S]],
    total: int,
    account: Account,
) -> Iterator[Came[S]]:
    """Count what comes back from the workers, and pass it on.

    :param work: what :meth:`Workers.map` gives for the new rows
    :raises CeilingError: as soon as too much is quarantined, of a chunk or of the run; nothing of that chunk is
        passed on
    """
    with progress(what, total) as advance:
        for item in work:
            poison = _table([]) if item.result is not None else _poison(run, item.chunk)
            bad = poison if item.result is None else item.result.quarantined
            account.quarantine(bad)
            _check_chunk(params, item.chunk, bad)
            account.check_ceiling(params.max_quarantined, params.min_quarantined)
            if item.result is not None:
                account.add("deferred", item.result.deferred, "changed")
            yield Came(item.result, poison)
            advance(item.chunk.num_rows)


def _check_chunk(params: IntakeParams, chunk: pa.Table, bad: pa.Table) -> None:
    if bad.num_rows >= params.min_quarantined_chunk and bad.num_rows > params.max_quarantined_chunk * chunk.num_rows:
        first, last = (place(*(chunk[name][row].as_py() for name in ("path", "member"))) for row in (0, -1))
        raise CeilingError(
            f"{bad.num_rows} of the {chunk.num_rows} pictures from {first} to {last} are quarantined, more than the "
            f"allowed share max_quarantined_chunk={params.max_quarantined_chunk:g}; look at them before running again"
        )


def _poison(run: Run, chunk: pa.Table) -> pa.Table:
    """The quarantine row of a picture that killed its worker."""
    detail = f"its worker process died of it on {datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    return _table(
        quarantine.row(row, "kills_decoder", detail, flow=run.flow, run_id=run.id) for row in chunk.to_pylist()
    )


def _table(rows: Iterable[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=QUARANTINE)


def _without_hash(rows: pa.Table, died: bool = False) -> pa.Table:
    """Rows that were not read, by the schema FINGERPRINTS."""
    if died:
        outcome = {"outcome": "quarantined", "reason": "kills_decoder", "detail": "its worker died while reading it"}
        rows = pa.Table.from_pylist([row | outcome for row in rows.to_pylist()], schema=rows.schema)
    return rows.append_column("sha256", pa.nulls(rows.num_rows, pa.string())).cast(FINGERPRINTS)
