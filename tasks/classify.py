"""Owns the stages of a classification: fingerprints, what is new, and an outcome for each, chunk by chunk.

Invariant: what is fingerprinted and decided has as many rows as were listed; a chunk is committed before the
next result is taken, so a run that dies loses the chunks in flight and nothing else.
Does not know the order of the stages.
"""

import pyarrow as pa
import pyarrow.compute as pc

from nightsort.config import ClassifyParams
from nightsort.learning.card import Card
from nightsort.quarantine import Quarantine
from nightsort.reports.account import Account
from nightsort.reports.data import MAX_THUMBNAILS, ClassCount, ClassifyPart
from nightsort.reports.gallery import thumbnails
from nightsort.schema import FINGERPRINTS
from nightsort.scoring.ledger import Ledger
from nightsort.scoring.outcomes import Order, classify
from nightsort.sources.arrivals import chunks, decide
from nightsort.sources.reader import fingerprint
from tasks.compute import Workers
from tasks.intake import access, account_for, judged_bad, new_rows
from tasks.progress import progress
from tasks.runs import Run
from tasks.stage import stage


@stage(retries=2)
def fingerprint_pictures(run: Run, params: ClassifyParams, listing: pa.Table, workers: Workers) -> pa.Table:
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


@stage(retries=0)  # each chunk has its own retry, and what is committed must not be committed twice
def classify_pictures(
    run: Run, params: ClassifyParams, decided: pa.Table, card: Card, account: Account, workers: Workers
) -> None:
    """Classify the new pictures and commit each chunk as it comes back."""
    order = Order(
        root=run.storage.root,
        model_version=card.version,
        weights_sha256=card.weights_sha256,
        run_id=run.id,
        batch_size=params.batch_size,
        max_pixels=params.max_pixels,
        access=access(run, params),
        strict=params.strict,
        threads=workers.threads,
    )
    ledger, aside = Ledger(run.storage), Quarantine(run.storage)
    aside.append(judged_bad(run, decided))
    new = new_rows(decided)
    work = workers.map(classify, chunks(new, params.chunk_size), order)
    for came in account_for(run, "classifying", params, work, new.num_rows, account):
        aside.append(came.result.quarantined if came.result else came.poison)
        if came.result:
            ledger.append(came.result.predictions)
            account.add("done", came.result.predictions.num_rows)


@stage(retries=2)
def describe_predictions(run: Run, params: ClassifyParams, card: Card) -> ClassifyPart:
    """What was predicted, and the least certain pictures to look at."""
    columns = ("path", "member", "label", "confidence", "runner_up", "margin", "abstained")
    rows = Ledger(run.storage).predictions(*columns, run_id=run.id)
    counts = {item["values"].as_py(): item["counts"].as_py() for item in pc.value_counts(rows["label"])}
    least = rows.take(
        pc.select_k_unstable(rows, k=min(MAX_THUMBNAILS, rows.num_rows), sort_keys=[("margin", "ascending")])
    )
    return ClassifyPart(
        model_version=card.version,
        predicted=[ClassCount(label=label, total=counts.get(label, 0)) for label in card.classes],
        training_share=card.training_share,
        abstained=pc.sum(rows["abstained"]).as_py() or 0,
        abstain_below=card.abstain_below,
        least_certain=thumbnails(least, params.max_pixels, access(run, params)),
    )


def _without_hash(rows: pa.Table, died: bool = False) -> pa.Table:
    """Rows that were not read, by the schema FINGERPRINTS."""
    if died:
        outcome = {"outcome": "quarantined", "reason": "kills_decoder", "detail": "its worker died while reading it"}
        rows = pa.Table.from_pylist([row | outcome for row in rows.to_pylist()], schema=rows.schema)
    return rows.append_column("sha256", pa.nulls(rows.num_rows, pa.string())).cast(FINGERPRINTS)
