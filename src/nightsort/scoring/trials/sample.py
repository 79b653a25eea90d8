"""Owns the validation pictures that backends are compared on: few enough to be quick, rare classes whole.

Invariant: the same split gives the same sample, wherever and by whomever it is drawn.
Does not know backends.
"""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from nightsort.dataset.versions import Dataset
from nightsort.errors import DatasetError
from nightsort.evaluation.agreement import stratified
from nightsort.images.preprocess import Preprocessing, load_stored
from nightsort.learning.card import Card
from nightsort.learning.feeds.pictures import Pictures

LIMIT = 2000
"""Pictures in a sample, at most; but one of each class."""


@dataclass(frozen=True)
class Sample:
    """Some pictures of a split.

    :param images: RGB, uint8 (N, S, S, 3); may be a memory map
    :param rows: which of them are in the sample, int64 (n,)
    :param labels: their class ids, int64 (n,)
    :param weights: how many pictures of the split each stands for, float64 (n,)
    :param of: pictures that the split holds
    """

    images: NDArray[np.uint8]
    rows: NDArray[np.int64]
    labels: NDArray[np.int64]
    weights: NDArray[np.float64]
    of: int

    def __len__(self) -> int:
        return len(self.rows)

    def at_most(self, limit: int) -> "Sample":
        """A smaller sample of the same split."""
        rows, weights = stratified(self.labels, limit)
        return Sample(self.images, self.rows[rows], self.labels[rows], self.weights[rows] * weights, self.of)


def of_pictures(pictures: Pictures, limit: int = LIMIT) -> Sample:
    """A sample of a split that is loaded already."""
    rows, weights = stratified(pictures.labels, limit)
    return Sample(pictures.images, rows, pictures.labels[rows], weights, len(pictures))


def of_split(dataset: Dataset, card: Card, split: str, folder: Path, limit: int = LIMIT) -> Sample:
    """The same sample from the dataset version that a model learned from; nothing else is decoded.

    :param folder: where the file of pixels is written
    :raises DatasetError: if that version is not there any more, or the split is empty
    """
    version = dataset.resolve(card.dataset_version)
    learned = "".join(dataset.fingerprints(version, "train"))
    if hashlib.sha256(learned.encode()).hexdigest() != card.dataset_fingerprint:
        raise DatasetError(f"dataset version {version}: is not the one that model {card.version} learned from")
    rows = dataset.examples(["sha256", "label"], pc.field("split") == split, version).sort_by("sha256")
    if not len(rows):
        raise DatasetError(f"dataset version {version}: its {split} split is empty")
    class_ids = pc.index_in(rows["label"], pa.array(card.classes)).to_numpy().astype(np.int64)
    taken, weights = stratified(class_ids, limit)
    wanted = rows["sha256"].combine_chunks().take(pa.array(taken))
    images = _decoded(dataset, wanted, card.preprocess(), folder / f"{split}.npy")
    return Sample(images, np.arange(len(taken)), class_ids[taken], weights, len(rows))


def _decoded(dataset: Dataset, wanted: pa.Array, preprocessing: Preprocessing, file: Path) -> NDArray[np.uint8]:
    """Pixels of these pictures in their order, uint8 (n, S, S, 3), a memory map."""
    side = preprocessing.image_size
    images = np.lib.format.open_memmap(file, mode="w+", dtype=np.uint8, shape=(len(wanted), side, side, 3))
    missing = len(wanted)
    with ThreadPoolExecutor() as threads:
        for batch, positions in dataset.placed(wanted):
            decoded = threads.map(lambda data: load_stored(data, preprocessing), batch["image"].to_pylist())
            for position, pixels in zip(positions.to_pylist(), decoded, strict=True):
                images[position] = pixels
            missing -= len(batch)
    if missing:
        raise DatasetError(f"dataset: {missing} of {len(wanted)} pictures are not there any more")
    return images
