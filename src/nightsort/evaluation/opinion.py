"""Owns what a published model says of any pictures of the dataset, whatever split they are in.

Invariant: rows stand in the order that was asked for, and memory does not grow with the pixels.
Does not know their labels.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nightsort.dataset.versions import Dataset
from nightsort.images.preprocess import load_stored
from nightsort.learning.bundle import Bundle
from nightsort.learning.predict import probabilities


def opinion(
    model: Bundle, dataset: Dataset, sha256s: pa.Array, on_progress: Callable[[int], object] = lambda count: None
) -> NDArray[np.float32]:
    """Calibrated probabilities, float32 (N, C), in the order of the model's own classes.

    :param sha256s: N pictures of the dataset, of any version
    :param on_progress: called with the number of pictures answered since the last call
    :raises ModelError: if this version of Nightsort would prepare pictures differently
    """
    preprocessing = model.card.preprocess()
    answers = np.zeros((len(sha256s), len(model.card.classes)), np.float32)
    with ThreadPoolExecutor() as threads:  # OpenCV lets go of the interpreter lock while it decodes
        for batch, positions in dataset.placed(sha256s):
            pictures = threads.map(lambda data: load_stored(data, preprocessing), batch["image"].to_pylist())
            images = np.stack(list(pictures))
            answers[positions.to_numpy()] = probabilities(model.network, images, model.card.temperature)
            on_progress(len(batch))
    return answers
