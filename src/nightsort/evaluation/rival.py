"""Owns scoring an earlier model on another model's test rows, so that the two can be judged in pairs.

Invariant: rows stand in the order of the test split, columns in the order of the other model's
classes; a class the model does not know has probability 0.
Does not decide anything.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from nightsort.dataset.versions import Dataset
from nightsort.learning import bundle
from nightsort.learning.feeds.loading import load_split
from nightsort.learning.predict import probabilities
from nightsort.storage import Storage


def rival_probabilities(
    storage: Storage, model_version: int, dataset_version: int, classes: list[str]
) -> NDArray[np.float32]:
    """Calibrated probabilities of a published model, float32 (N, C).

    :param classes: C class names, the columns of the result; test pictures of other classes have no row
    :raises ModelError: if the model cannot be loaded
    """
    model = bundle.load(storage, model_version)
    preprocessing = model.card.preprocess()  # its own: it may see larger or smaller pictures
    dataset = Dataset(storage)
    others = [name for name in dataset.counts(dataset_version) if name not in classes]
    with TemporaryDirectory(prefix="nightsort-") as scratch:
        test = load_split(dataset, dataset_version, "test", classes + others, preprocessing, Path(scratch))
        own = probabilities(model.network, test.images, model.card.temperature)[test.labels < len(classes)]
    result = np.zeros((len(own), len(classes)), np.float32)
    for column, name in enumerate(model.card.classes):
        if name in classes:
            result[:, classes.index(name)] = own[:, column]
    return result
