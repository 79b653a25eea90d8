"""Owns bringing a split of a dataset version into memory-mapped pixels, ready to learn from.

Invariant: pictures stand in the order of their SHA-256, whatever the order of the shards, so that a
seed means the same training. Resident memory does not grow with the split: pixels lie in a file.
Does not know what they are used for.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from nightsort.dataset.versions import Dataset
from nightsort.images.preprocess import Preprocessing, load_stored
from nightsort.learning.pictures import Pictures


def load_split(
    dataset: Dataset,
    version: int,
    split: str,
    classes: list[str],
    preprocessing: Preprocessing,
    folder: Path,
    on_progress: Callable[[int], None] = lambda count: None,
) -> Pictures:
    """Decode one split.

    :param classes: the position of a label is its class id
    :param folder: where the file of pixels is written
    :param on_progress: called with the number of pictures decoded since the last call
    """
    ids = dataset.fingerprints(version, split)
    position = {sha256: index for index, sha256 in enumerate(ids)}
    shape = (len(ids), preprocessing.image_size, preprocessing.image_size, 3)
    images = (
        np.lib.format.open_memmap(folder / f"{split}.npy", mode="w+", dtype=np.uint8, shape=shape)
        if ids
        else np.empty(shape, np.uint8)
    )
    labels = np.zeros(len(ids), np.int64)
    class_id = {label: index for index, label in enumerate(classes)}
    with ThreadPoolExecutor() as threads:  # OpenCV lets go of the interpreter lock while it decodes
        for batch in dataset.images(version, split):
            rows = [position[sha256] for sha256 in batch["sha256"].to_pylist()]
            labels[rows] = [class_id[label] for label in batch["label"].to_pylist()]
            encoded = batch["image"].to_pylist()
            for row, pixels in zip(
                rows, threads.map(lambda data: load_stored(data, preprocessing), encoded), strict=True
            ):
                images[row] = pixels
            on_progress(len(rows))
    return Pictures(images, labels, ids)
