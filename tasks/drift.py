"""Owns the stages of drift: a reference for every model, and each night held against it.

Invariant: what cannot be tested is a note; no run ends of it. Does not know the tests.
"""

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nightsort.config.intake import ClassifyParams
from nightsort.dataset.versions import Dataset
from nightsort.drift import reference as references
from nightsort.drift.detection import Seen, detect
from nightsort.drift.findings import Drift
from nightsort.drift.look import Look
from nightsort.drift.reference import MAX_EMBEDDED, MAX_PICTURES, Reference, narrow
from nightsort.errors import ModelError
from nightsort.learning.card import Card
from nightsort.reports.predicted import Predicted
from nightsort.schema import MEASURES
from tasks.progress import progress
from tasks.runs import Run
from tasks.stage import dispensable, stage

_BATCH = 250  # pictures in memory at a time

if TYPE_CHECKING:  # they load torch
    from nightsort.learning.fit import Fitted
    from tasks.lesson import Lesson


@stage(retries=2)
def keep_reference(run: Run, lesson: "Lesson", fitted: "Fitted", card: Card) -> None:
    """Write what later nights are held against: validation and test pictures, and the model's answers to them."""
    from nightsort.learning import predict

    places = [(split, row) for split in (lesson.validation, lesson.test) for row in range(len(split))]
    # Their hashes are as good as chance, and draw the same pictures for every model of a dataset.
    chosen = sorted(places, key=lambda place: place[0].ids[place[1]])[:MAX_PICTURES]
    answers, embedded = [], []
    with progress("keeping a reference", len(chosen)) as advance:
        for start in range(0, len(chosen), _BATCH):
            images = np.stack([split.images[row] for split, row in chosen[start : start + _BATCH]])
            answers.append(predict.probabilities(fitted.model, images, fitted.temperature))
            if start < MAX_EMBEDDED:
                embedded.append(narrow(predict.embeddings(fitted.model, images).numpy()))
            advance(len(images))
    probabilities = np.concatenate(answers)
    counts = np.bincount(probabilities.argmax(1), minlength=len(card.classes)).tolist()
    kept = Reference(
        measures=_measures(Dataset(run.storage), lesson.dataset_version, [split.ids[row] for split, row in chosen]),
        confidences=probabilities.max(1),
        predicted=dict(zip(card.classes, counts, strict=True)),
        embeddings=np.concatenate(embedded)[:MAX_EMBEDDED],
    )
    references.save(run.storage, card.version, kept)


def _measures(dataset: Dataset, version: int, sha256s: list[str]) -> dict[str, np.ndarray]:
    names = MEASURES.names
    rows = dataset.examples(["sha256", *names], pc.field("sha256").isin(pa.array(sha256s, pa.string())), version)
    return {name: rows[name].to_numpy().astype(np.float32) for name in names}


@dispensable
@stage(retries=0)
def find_drift(run: Run, params: ClassifyParams, card: Card, predicted: Predicted, look: Look | None) -> Drift | None:
    """Hold the run's pictures against the reference of the model; None if nothing was classified."""
    sample = predicted.sample.rows
    if not sample.num_rows:
        return None
    try:
        reference = references.load(run.storage, card.version)
        why = "was published before references were kept; train again to have drift looked for"
    except ModelError as error:
        reference, why = None, f"has no reference that can be read; {error}"
    if reference is None:
        drift = Drift(model_version=card.version, alpha=params.drift_alpha, pictures=sample.num_rows)
        drift.notes.append(f"drift was not looked for: model {card.version} {why}")
        return drift
    seen = Seen(sample, dict(predicted.counts), look.embeddings if look and look.sha256s else None)
    return detect(reference, seen, card.version, params.drift_alpha)
