"""Owns the stages of a classification: what is new, and an outcome for each, chunk by chunk.

Invariant: what is decided has as many rows as were listed; a chunk is committed before the next result is taken, so
a run that dies loses the chunks in flight and nothing else. Nothing counts as known before its outcome is committed.
Does not know the order of the stages.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import NamedTuple

import pyarrow as pa

from nightsort.config.intake import ClassifyParams
from nightsort.config.run import RunParams
from nightsort.drift.sample import LIMIT
from nightsort.errors import RunError
from nightsort.learning.card import Card
from nightsort.leases.lease import Lease
from nightsort.quarantine import Quarantine
from nightsort.reports.account import Account
from nightsort.reports.data import ClassifyPart
from nightsort.reports.gallery import thumbnails
from nightsort.reports.predicted import Predicted
from nightsort.reports.shown import ClassCount
from nightsort.schema import COPIES, FINGERPRINTS
from nightsort.scoring.firsts import Firsts
from nightsort.scoring.ledger import Ledger
from nightsort.scoring.outcomes import Order, Outcomes, classify
from nightsort.scoring.plan import plan
from nightsort.scoring.trials.choice import backend_for
from nightsort.scoring.trials.verdicts import REFERENCE
from nightsort.sources.scratch import let_go
from nightsort.sources.spool import Spool
from nightsort.words import Backend
from tasks.compute import Done, Workers
from tasks.intake import access, account_for, judged_bad
from tasks.progress import progress
from tasks.runs import Run
from tasks.stage import retrying, stage

_SLICE = 100_000  # rows of the listing that are compared with the ledger at a time


class Serving(NamedTuple):
    """What computes the answers of a run, and why."""

    backend: Backend
    why: str


@stage(retries=2)
def leave_out_known(run: Run, params: ClassifyParams, card: Card, listing: pa.Table) -> pa.Table:
    """The listing, with what is as it was when it came to its outcome decided; the table lies in a file.

    :param listing: table of the schema LISTING
    :returns: the same rows by the schema FINGERPRINTS
    """
    ledger, under = Ledger(run.storage), _under(params, card)
    decided = Spool(run.scratch, FINGERPRINTS)
    with progress("comparing", listing.num_rows) as advance:
        for start in range(0, listing.num_rows, _SLICE):
            rows = listing.slice(start, _SLICE)
            decided.write(ledger.unchanged(rows, under))
            advance(rows.num_rows)
    return decided.table()


def _under(params: ClassifyParams, card: Card) -> int | None:
    """The model whose outcomes count as known; None if any model's do."""
    return card.version if params.rescore else None


def how_many_new(decided: pa.Table) -> int:
    """Rows that are still undecided."""
    return int(decided["outcome"].null_count)


@stage(retries=2)
def choose_backend(run: Run, params: ClassifyParams, card: Card, decided: pa.Table) -> Serving:
    """What this machine classifies with; measured first if only other machines have done so, and there is work."""
    backend, why = backend_for(run.storage, card, params.backend)
    if backend is None and how_many_new(decided):
        from nightsort.scoring.trials.publication import measure_again  # which few nights need

        try:  # in a process of its own: torch stays out of this one
            with progress("measuring backends", None), Workers(RunParams(workers=1)) as apart:
                backend, why = apart.call(measure_again, run.storage.root, card.version)
        except RunError as error:  # one may fit into the memory where the trial of all of them does not
            why = f"the backends could not be measured on this machine: {error}"
    return Serving(backend or REFERENCE, why)


@stage(retries=0)  # each chunk and each commit has its own retry
def classify_pictures(
    run: Run,
    params: ClassifyParams,
    decided: pa.Table,
    card: Card,
    serving: Serving,
    account: Account,
    lease: Lease,
    workers: Workers,
) -> Predicted:
    """Classify the new pictures and commit each chunk as it comes back.

    :param decided: of :func:`leave_out_known`
    """
    ledger, aside, predicted = Ledger(run.storage), Quarantine(run.storage), Predicted(max(LIMIT, params.sample))
    _commit(lease, aside.append, judged_bad(run, decided))
    total = how_many_new(decided)
    if not total:
        return predicted
    known = ledger.write_contents(run.scratch, _under(params, card))
    order = _order(run, params, card, serving.backend, known, workers)
    work = workers.map(classify, plan(decided, workers.lanes, params.chunk_size), order)
    for came in account_for(run, "classifying", params, _once_each(work, known), total, account):
        _commit(lease, aside.append, came.result.quarantined if came.result else came.poison)
        if came.result:
            _commit(lease, ledger.commit, came.result.predictions)
            _commit(lease, ledger.remember, came.result.repeated.select(COPIES.names))
            account.add("done", came.result.predictions.num_rows)
            account.take(came.result.repeated)
            predicted.add(came.result.predictions)
    return predicted


def _order(run: Run, params: ClassifyParams, card: Card, backend: Backend, known: str, workers: Workers) -> Order:
    workers.start()  # how many threads an external cluster has is known once it is reached
    workers.at_end(let_go, str(run.scratch))
    return Order(
        root=run.storage.root,
        model_version=card.version,
        weights_sha256=card.weights_sha256,
        backend=backend,
        batch_size=params.batch_size,
        threads=workers.threads,
        run_id=run.id,
        run_date=run.started.date().isoformat(),
        max_pixels=params.max_pixels,
        access=access(run, params),
        strict=params.strict,
        known=known,
    )


def _once_each(work: Iterator[Done[Outcomes]], known: str) -> Iterator[Done[Outcomes]]:
    """The same, in which no picture comes to two outcomes."""
    firsts = Firsts(known)
    for done in work:
        yield replace(done, result=done.result and firsts.only(done.result))


def _commit(lease: Lease, commit: Callable[..., object], rows: pa.Table) -> None:
    """Commit rows under the lease; the same ticket at every attempt, so that they are not committed twice."""
    if rows.num_rows:
        ticket = lease.ticket()
        retrying(retries=2)(commit, rows, ticket=ticket)


@stage(retries=2)
def tidy_predictions(run: Run, lease: Lease) -> None:
    """Merge small files, once there are many."""
    Ledger(run.storage).tidy(lease.ticket())


@stage(retries=2)
def describe_predictions(
    run: Run, params: ClassifyParams, card: Card, predicted: Predicted, serving: Serving, workers: Workers
) -> ClassifyPart:
    """What was predicted, the least certain pictures to look at, and where the time went."""
    wall = run.seconds.get("classify_pictures", 0.0)
    worked = dict(run.worker_seconds)
    waited = max(0.0, wall * workers.lanes - sum(worked.values()))
    return ClassifyPart(
        model_version=card.version,
        predicted=[ClassCount(label=label, total=predicted.counts[label]) for label in card.classes],
        training_share=card.training_share,
        abstained=predicted.abstained,
        abstain_below=card.abstain_below,
        by_class=bool(card.thresholds),
        least_certain=thumbnails(predicted.least_certain, params.max_pixels, access(run, params)),
        backend=serving.backend if worked else "",
        why_backend=serving.why if worked else "",
        seconds=wall,
        stages=worked | {"wait": waited} if worked else {},
    )
