"""Owns the stages that every run over a source begins with: list, fingerprint, decide what is new.

Invariant: the rows that come out are the rows that were listed.
Does not know what becomes of the new ones.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from nightsort import quarantine
from nightsort.config import IntakeParams
from nightsort.quarantine import Quarantine
from nightsort.reports.account import Account
from nightsort.schema import FINGERPRINTS, QUARANTINE
from nightsort.sources.arrivals import chunks, decide
from nightsort.sources.listing import list_source
from nightsort.sources.reader import fingerprint
from tasks.compute import Done, Workers
from tasks.progress import progress
from tasks.runs import Run
from tasks.stage import stage


@stage(retries=2)
def list_pictures(run: Run, params: IntakeParams) -> pa.Table:
    """Every file and archive member of the source."""
    with progress("listing", None) as advance:
        return list_source(params.source, params.settle_seconds, advance, leave_out=run.storage.root)


@stage(retries=2)
def fingerprint_pictures(run: Run, params: IntakeParams, listing: pa.Table, workers: Workers) -> pa.Table:
    """The listing with the SHA-256 of everything that is to be read."""
    undecided = pc.is_null(listing["outcome"])
    done = [_without_hash(listing.filter(pc.invert(undecided)))]
    todo = listing.filter(undecided)
    with progress("fingerprinting", todo.num_rows) as advance:
        for item in workers.map(fingerprint, chunks(todo, params.chunk_size), params.max_bytes):
            done.append(_without_hash(item.chunk, died=True) if item.result is None else item.result)
            advance(item.chunk.num_rows)
    return pa.concat_tables(done)


@stage(retries=2)
def decide_what_is_new(run: Run, fingerprints: pa.Table, known: pa.Table) -> pa.Table:
    """The same rows; an outcome where none is to be worked for, and undecided where it is new."""
    return decide(fingerprints, known, labels_matter=run.flow == "ingest")


def open_account(run: Run, params: IntakeParams, listing: pa.Table, decided: pa.Table) -> Account:
    """Begin the account of a run, and set aside what was judged without being decoded."""
    account = run.account = Account(params.source, listing.num_rows, decided)
    rows = decided.filter(pc.equal(decided["outcome"], "quarantined")).to_pylist()
    Quarantine(run.storage).append(
        _table(quarantine.row(row, row["reason"], row["detail"], flow=run.flow, run_id=run.id) for row in rows)
    )
    account.check_ceiling(params.max_quarantined, params.min_quarantined)
    return account


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


def settle(
    run: Run,
    what: str,
    params: IntakeParams,
    work: Iterator[Done[S]],
    total: int,
    account: Account,
) -> Iterator[S]:
    """Pass on what comes back from the workers, once what is bad in it has been set aside and counted.

    :param work: what :meth:`Workers.map` gives for the new rows
    :raises CeilingError: as soon as too much is quarantined
    """
    with progress(what, total) as advance:
        for item in work:
            bad = _poison(run, item.chunk) if item.result is None else item.result.quarantined
            Quarantine(run.storage).append(bad)
            account.quarantine(bad)
            if item.result is not None:
                account.add("deferred", item.result.deferred, "changed")
                yield item.result
            account.check_ceiling(params.max_quarantined, params.min_quarantined)
            advance(item.chunk.num_rows)


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
