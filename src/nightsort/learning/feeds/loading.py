"""Owns bringing a split of a dataset version to who learns from it: decoded into a file, or streamed.

Invariant: pictures stand in the order of their SHA-256, whatever the order of the shards, so that a
seed means the same training. Resident memory does not grow with the split.
Does not know what they are used for.
"""

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from nightsort.dataset.versions import Dataset
from nightsort.errors import StorageError
from nightsort.images.preprocess import Preprocessing, load_stored
from nightsort.learning.feeds.pictures import Feed, Pictures
from nightsort.learning.feeds.streaming import Stream
from nightsort.words import Loading

_MARGIN = 0.2  # of the free disk, left to others


def feed_for_training(
    dataset: Dataset,
    version: int,
    split: str,
    classes: list[str],
    preprocessing: Preprocessing,
    folder: Path,
    loading: Loading,
    on_progress: Callable[[int], None] = lambda count: None,
) -> Feed:
    """The split as `loading` says: decoded into a file, or streamed; `auto` streams what has no room as a file.

    The other parameters and errors are those of :func:`load_split`.
    """
    pictures = len(dataset.fingerprints(version, split))
    if loading == "stream" or (loading == "auto" and _needed(pictures, preprocessing) > _room(folder)):
        return Stream(dataset, version, split, classes, preprocessing)
    return load_split(dataset, version, split, classes, preprocessing, folder, on_progress)


def load_split(
    dataset: Dataset,
    version: int,
    split: str,
    classes: list[str],
    preprocessing: Preprocessing,
    folder: Path,
    on_progress: Callable[[int], None] = lambda count: None,
) -> Pictures:
    """Decode one split into a file.

    :param classes: the position of a label is its class id
    :param folder: where the file of pixels is written
    :param on_progress: called with the number of pictures decoded since the last call
    :raises StorageError: the file would not leave a fifth of the free disk
    """
    ids, labels = dataset.labelled(version, split, classes)
    _check_room(split, len(ids), preprocessing, folder)
    position = {sha256: index for index, sha256 in enumerate(ids)}
    shape = (len(ids), preprocessing.image_size, preprocessing.image_size, 3)
    images = (
        np.lib.format.open_memmap(folder / f"{split}.npy", mode="w+", dtype=np.uint8, shape=shape)
        if ids
        else np.empty(shape, np.uint8)
    )
    with ThreadPoolExecutor() as threads:  # OpenCV lets go of the interpreter lock while it decodes
        for batch in dataset.images(version, split):
            rows = [position[sha256] for sha256 in batch["sha256"].to_pylist()]
            encoded = batch["image"].to_pylist()
            for row, pixels in zip(
                rows, threads.map(lambda data: load_stored(data, preprocessing), encoded), strict=True
            ):
                images[row] = pixels
            on_progress(len(rows))
    return Pictures(images, labels, ids)


def _check_room(split: str, pictures: int, preprocessing: Preprocessing, folder: Path) -> None:
    """A file without room would end the process when it is written to: a memory map cannot raise."""
    needed, room = _needed(pictures, preprocessing), _room(folder)
    if needed > room:
        side = preprocessing.image_size
        raise StorageError(
            f"{folder}: {pictures} decoded pictures of the {split} split, {side} x {side} px, need "
            f"{needed / 1e9:.1f} GB, and there are {room / 1e9:.1f} GB for them; make room, or lower image_size"
        )


def _needed(pictures: int, preprocessing: Preprocessing) -> int:
    """Bytes of the decoded pictures."""
    return 3 * pictures * preprocessing.image_size**2


def _room(folder: Path) -> float:
    """Bytes that a file may take."""
    return (1 - _MARGIN) * shutil.disk_usage(folder).free
