"""Owns scoring any published model on a test split, so that two can be judged in pairs.

Invariant: rows stand in the order of the test split, columns in the order of the classes that are asked
for; a class the model does not know has probability 0.
Does not decide anything.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nightsort.dataset.versions import Dataset
from nightsort.evaluation.opinion import opinion
from nightsort.learning import bundle
from nightsort.storage import Storage


@dataclass(frozen=True)
class Answers:
    """What a model says of N test pictures.

    :param probabilities: calibrated, float32 (N, C)
    :param labels: true class ids, int64 (N,)
    :param ids: hex SHA-256 of each picture
    """

    probabilities: NDArray[np.float32]
    labels: NDArray[np.int64]
    ids: list[str]


def answers(
    storage: Storage,
    model_version: int,
    dataset_version: int,
    classes: list[str],
    on_progress: Callable[[int], object] = lambda count: None,
) -> Answers:
    """Score a published model, its pictures prepared as when it was trained.

    :param classes: C class names, the columns of the result; test pictures of other classes have no row
    :param on_progress: called with the number of pictures answered since the last call
    :raises ModelError: if the model cannot be loaded
    """
    model, dataset = bundle.load(storage, model_version), Dataset(storage)
    others = [name for name in dataset.counts(dataset_version) if name not in classes]
    ids, labels = dataset.labelled(dataset_version, "test", classes + others)
    rows = np.flatnonzero(labels < len(classes))
    ids = [ids[row] for row in rows]
    own = opinion(model, dataset, pa.array(ids, pa.string()), on_progress)
    result = np.zeros((len(rows), len(classes)), np.float32)
    for column, name in enumerate(model.card.classes):
        if name in classes:
            result[:, classes.index(name)] = own[:, column]
    return Answers(result, labels[rows], ids)
