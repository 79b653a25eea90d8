"""Owns what every run over a source does: list it, and account for what comes back from the workers.

Invariant: every listed row is counted once, as it comes to its outcome.
Does not know what a worker does with a picture.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from nightsort import clock, quarantine
from nightsort.config.intake import IntakeParams
from nightsort.errors import CeilingError, SourceError
from nightsort.reports.account import Account
from nightsort.schema import LISTING, QUARANTINE, place
from nightsort.sources.files import Access, is_gone
from nightsort.sources.listing import list_source
from nightsort.sources.spool import Spool
from tasks.compute import Done
from tasks.progress import progress
from tasks.runs import Run
from tasks.stage import stage

_STAGES = 3  # named beside a bar


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
    """Every file and archive member of the source; the table lies in a file and takes no memory of its own.

    :returns: table of the schema LISTING
    """
    listing = Spool(run.scratch, LISTING)
    with progress("listing", None) as advance:
        for batch in list_source(
            params.source,
            access(run, params),
            manifest=manifest,
            folder_splits=folder_splits,
            settle_seconds=params.settle_seconds,
            on_progress=advance,
            leave_out=run.storage.root,
        ):
            listing.write(batch)
    return listing.table()


def open_account(run: Run, params: IntakeParams, decided: pa.Table) -> Account:
    """Begin the account of a run.

    :param decided: table of the schema FINGERPRINTS, or LISTING
    :raises CeilingError: if too much was judged bad without being decoded
    """
    account = run.account = Account(params.source, decided.num_rows, decided)
    account.check_ceiling(params.max_quarantined, params.min_quarantined)
    return account


def judged_bad(run: Run, decided: pa.Table) -> pa.Table:
    """The quarantine rows of what was judged without being decoded.

    :param decided: as of :func:`open_account`
    :returns: table of the schema QUARANTINE
    """
    rows = decided.filter(pc.equal(decided["outcome"], "quarantined")).to_pylist()
    return _table(quarantine.row(row, row["reason"], row["detail"], flow=run.flow, run_id=run.id) for row in rows)


def new_rows(decided: pa.Table) -> pa.Table:
    """The rows that are still undecided.

    :param decided: as of :func:`open_account`
    """
    return decided.filter(pc.is_null(decided["outcome"]))


class Settled(Protocol):
    """What a worker makes of a chunk, beside what it is made for."""

    @property
    def quarantined(self) -> pa.Table:
        """What it set aside, schema QUARANTINE."""

    @property
    def deferred(self) -> int:
        """Files that changed after they were listed."""

    @property
    def seconds(self) -> dict[str, float]:
        """Stage -> seconds of its thread."""


S = TypeVar("S", bound=Settled)


@dataclass(frozen=True)
class Came(Generic[S]):
    """What came back of a chunk: a result, or the picture that killed its worker."""

    result: S | None
    poison: pa.Table  # schema QUARANTINE


def account_for(
    run: Run,
    what: str,
    params: IntakeParams,
    work: Iterator[Done[S]],
    total: int,
    account: Account,
) -> Iterator[Came[S]]:
    """Count what comes back from the workers, and pass it on.

    :param work: what :meth:`tasks.compute.Workers.map` gives for the new rows
    :raises SourceError: if the source is not there any more
    :raises CeilingError: as soon as too much is quarantined, of a chunk or of the run; nothing of that chunk is
        passed on
    """
    with progress(what, total) as advance:
        advance(0, detail="workers are starting")
        for item in work:
            poison = _table([]) if item.result is not None else _poison(run, item.chunk)
            bad = poison if item.result is None else item.result.quarantined
            _check_source(params, bad)
            account.quarantine(bad)
            _check_chunk(params, item.chunk, bad)
            account.check_ceiling(params.max_quarantined, params.min_quarantined)
            if item.result is not None:
                account.add("deferred", item.result.deferred, "changed")
                run.worker_seconds.update(item.result.seconds)
            yield Came(item.result, poison)
            advance(item.chunk.num_rows, detail=_shares(run.worker_seconds))


def _shares(seconds: Counter[str]) -> str:
    """Which stages the workers spend their time in, the longest first: "model 71%, decode 17%"."""
    return ", ".join(f"{name} {of / seconds.total():.0%}" for name, of in seconds.most_common(_STAGES))


def _check_source(params: IntakeParams, bad: pa.Table) -> None:
    """A file that cannot be read is set aside; that the whole source went away is no fault of its files."""
    if "unreadable" in bad["reason"].to_pylist() and is_gone(params.source):
        raise SourceError(f"source {params.source}: went away while it was read; what was committed before is kept")


def _check_chunk(params: IntakeParams, chunk: pa.Table, bad: pa.Table) -> None:
    if bad.num_rows >= params.min_quarantined_chunk and bad.num_rows > params.max_quarantined_chunk * chunk.num_rows:
        first, last = (place(*(chunk[name][row].as_py() for name in ("path", "member"))) for row in (0, -1))
        raise CeilingError(
            f"{bad.num_rows} of the {chunk.num_rows} pictures from {first} to {last} are quarantined, more than the "
            f"allowed share max_quarantined_chunk={params.max_quarantined_chunk:g}; look at them before running again"
        )


def _poison(run: Run, chunk: pa.Table) -> pa.Table:
    """The quarantine row of a picture that killed its worker."""
    detail = f"its worker process died of it on {clock.now():%Y-%m-%d %H:%M} UTC"
    return _table(
        quarantine.row(row, "kills_decoder", detail, flow=run.flow, run_id=run.id) for row in chunk.to_pylist()
    )


def _table(rows: Iterable[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=QUARANTINE)
