"""Owns the stages of a classification: outcomes chunk by chunk, each committed to the ledger.

Invariant: a chunk is committed before the next result is taken, so a run that dies loses the chunks
in flight and nothing else.
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
from nightsort.scoring.ledger import Ledger
from nightsort.scoring.outcomes import Order, classify
from nightsort.sources.arrivals import chunks
from tasks.compute import Workers
from tasks.intake import access, judged_bad, new_rows, settle
from tasks.runs import Run
from tasks.stage import stage


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
    for came in settle(run, "classifying", params, work, new.num_rows, account):
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
