"""Owns scoring two published models afresh on the same test pictures.

Invariant: rows and columns of both are the same; a class that a model does not know has probability 0.
Changes nothing, and decides nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nightsort.dataset.versions import Dataset
from nightsort.errors import DatasetError
from nightsort.evaluation import evidence
from nightsort.evaluation.bootstrap import Ints
from nightsort.evaluation.metrics import evaluate
from nightsort.evaluation.rival import answers
from nightsort.evaluation.scores import Scores, Slice
from nightsort.learning.card import Card, load_card
from nightsort.storage import Storage


@dataclass(frozen=True)
class Duel:
    """Both models on the test pictures of the classes that either knows.

    :param sha256s: N pictures
    :param labels: class ids, int64 (N,)
    :param probabilities: calibrated, of the first and of the second, float32 (N, C)
    :param unknown: test pictures of classes that neither knows, which are left out
    """

    classes: list[str]
    sha256s: list[str]
    labels: Ints
    probabilities: tuple[NDArray[np.float32], NDArray[np.float32]]
    scores: tuple[Scores, Scores]
    macro_f1: Slice  # the first as champion, the second as challenger
    p_value: float  # of McNemar's exact test
    only: tuple[int, int]  # pictures that only the first gets right, and only the second
    unknown: int


def duel(
    storage: Storage,
    versions: tuple[int, int],
    dataset_version: int,
    on_progress: Callable[[int], object] = lambda count: None,
) -> Duel:
    """Score both on the test split of a dataset version.

    :param on_progress: called with the number of pictures answered since the last call
    :raises ModelError: if a model cannot be loaded
    :raises DatasetError: if the split has no picture of a class that either knows
    """
    cards = [load_card(storage, version) for version in versions]
    classes = list(dict.fromkeys(name for card in cards for name in card.classes))
    scored = [answers(storage, version, dataset_version, classes, on_progress) for version in versions]
    sha256s, labels = scored[0].ids, scored[0].labels
    if not sha256s:
        raise DatasetError(
            f"test split of dataset version {dataset_version}: has no picture of a class that model {versions[0]} or "
            f"{versions[1]} knows; ingest labelled pictures"
        )
    both = scored[0].probabilities, scored[1].probabilities
    first, second = (probabilities.argmax(1) for probabilities in both)
    return Duel(
        classes=classes,
        sha256s=sha256s,
        labels=labels,
        probabilities=both,
        scores=(evaluate(both[0], labels, classes), evaluate(both[1], labels, classes)),
        macro_f1=evidence.compared(evidence.ALL, labels, first, second, seed=dataset_version),
        p_value=evidence.mcnemar(labels, first, second),
        only=(
            int(((first == labels) & (second != labels)).sum()),
            int(((second == labels) & (first != labels)).sum()),
        ),
        unknown=len(Dataset(storage).fingerprints(dataset_version, "test")) - len(sha256s),
    )


def answered(found: Duel, cards: tuple[Card, Card]) -> pa.Table:
    """What both said of each picture: columns sha256, truth, label, confidence and abstained, and label_second, ..."""
    names = pa.array(found.classes, pa.string())
    columns = {"sha256": pa.array(found.sha256s, pa.string()), "truth": names.take(pa.array(found.labels))}
    for probabilities, card, end in zip(found.probabilities, cards, ("", "_second"), strict=True):
        said, sure = probabilities.argmax(1), probabilities.max(1)
        least = np.array([card.least(name) for name in found.classes])
        columns[f"label{end}"] = names.take(pa.array(said))
        columns[f"confidence{end}"] = pa.array(sure, pa.float32())
        columns[f"abstained{end}"] = pa.array(sure < least[said])
    return pa.table(columns)
