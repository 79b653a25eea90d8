"""Owns scoring any published model on a test split, so that two can be judged in pairs.

Invariant: rows stand in the order of the test split, columns in the order of the classes that are asked
for; a class the model does not know has probability 0.
Does not decide anything.
"""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from nightsort.dataset.versions import Dataset
from nightsort.learning import bundle
from nightsort.learning.feeds.loading import load_split
from nightsort.learning.predict import probabilities
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


def answers(storage: Storage, model_version: int, dataset_version: int, classes: list[str]) -> Answers:
    """Score a published model, prepared as it was trained.

    :param classes: C class names, the columns of the result; test pictures of other classes have no row
    :raises ModelError: if the model cannot be loaded
    """
    model = bundle.load(storage, model_version)
    preprocessing = model.card.preprocess()  # its own: it may see larger or smaller pictures
    dataset = Dataset(storage)
    others = [name for name in dataset.counts(dataset_version) if name not in classes]
    with TemporaryDirectory(prefix="nightsort-") as scratch:
        test = load_split(dataset, dataset_version, "test", classes + others, preprocessing, Path(scratch))
        rows = np.flatnonzero(test.labels < len(classes))
        own = probabilities(model.network, test.images, model.card.temperature)[rows]
    result = np.zeros((len(rows), len(classes)), np.float32)
    for column, name in enumerate(model.card.classes):
        if name in classes:
            result[:, classes.index(name)] = own[:, column]
    return Answers(result, test.labels[rows], [test.ids[row] for row in rows])
