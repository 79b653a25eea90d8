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
from nightsort.evaluation.opinion import opinion
from nightsort.evaluation.scores import Scores, Slice
from nightsort.learning import bundle
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
    models = [bundle.load(storage, version) for version in versions]
    dataset = Dataset(storage)
    classes = list(dict.fromkeys(name for model in models for name in model.card.classes))
    others = [name for name in dataset.counts(dataset_version) if name not in classes]
    ids, labels = dataset.labelled(dataset_version, "test", classes + others)
    known = labels < len(classes)
    sha256s, labels = [sha256 for sha256, is_known in zip(ids, known, strict=True) if is_known], labels[known]
    if not sha256s:
        raise DatasetError(
            f"test split of dataset version {dataset_version}: has no picture of a class that model {versions[0]} or "
            f"{versions[1]} knows; ingest labelled pictures"
        )
    answers = []
    for model in models:
        own = opinion(model, dataset, pa.array(sha256s, pa.string()), on_progress)
        spread = np.zeros((len(own), len(classes)), np.float32)
        spread[:, [classes.index(name) for name in model.card.classes]] = own
        answers.append(spread)
    first, second = (answer.argmax(1) for answer in answers)
    return Duel(
        classes=classes,
        sha256s=sha256s,
        labels=labels,
        probabilities=(answers[0], answers[1]),
        scores=(evaluate(answers[0], labels, classes), evaluate(answers[1], labels, classes)),
        macro_f1=evidence.compared(evidence.ALL, labels, first, second, seed=dataset_version),
        p_value=evidence.mcnemar(labels, first, second),
        only=(
            int(((first == labels) & (second != labels)).sum()),
            int(((second == labels) & (first != labels)).sum()),
        ),
        unknown=int((~known).sum()),
    )
