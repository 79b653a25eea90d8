"""Owns the mistakes that a report shows: the surest, each beside what the model looked at.

Invariant: at most MAX_MISTAKES, as the model saw them. Does not know how the model was trained.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from nightsort.dataset.versions import Dataset
from nightsort.evaluation import explanation
from nightsort.learning.classifier import Classifier
from nightsort.learning.feeds.pictures import Pictures
from nightsort.reports.learned import MAX_MISTAKES, Mistake
from nightsort.reports.shown import Thumbnail
from nightsort.reports.thumbnails import data_uri
from nightsort.schema import place


def mistakes(
    dataset: Dataset,
    version: int,
    test: Pictures,
    classes: list[str],
    probabilities: NDArray[np.float32],
    model: Classifier,
    limit: int = MAX_MISTAKES,
) -> tuple[list[Mistake], list[str]]:
    """The surest mistakes on the test split with their class activation maps, and notes.

    :param version: of the dataset, where the pictures have their names
    :param probabilities: calibrated, of the test split, float32 (N, C)
    """
    rows = explanation.worst(probabilities, test.labels, limit)
    named = _places(dataset, version, [test.ids[row] for row in rows])
    found = []
    for row in rows:
        image, said = np.ascontiguousarray(test.images[row]), int(probabilities[row].argmax())
        seen, large = explanation.activation(model, image, said), explanation.enlarged(image)
        confidence, truth = float(probabilities[row, said]), test.labels[row]
        shown = Thumbnail(
            path=named.get(test.ids[row], test.ids[row]),
            label=classes[said],
            confidence=confidence,
            runner_up=classes[truth],
            margin=confidence - float(probabilities[row, truth]),
            image=data_uri(large),
        )
        drawn = "" if seen is None else data_uri(explanation.overlay(large, explanation.enlarged(seen)))
        found.append(Mistake(picture=shown, activation=drawn))
    why = explanation.why_not(model) if found else ""
    return found, [f"no class activation maps: {why}"] if why else []


def _places(dataset: Dataset, version: int, ids: list[str]) -> dict[str, str]:
    chosen = pc.field("sha256").isin(pa.array(ids, pa.string()))
    rows = dataset.examples(["sha256", "path", "member"], chosen, version).to_pylist()
    return {row["sha256"]: place(row["path"], row["member"]) for row in rows}
