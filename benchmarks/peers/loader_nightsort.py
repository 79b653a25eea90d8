"""Nightsort: a split streamed from the shards, or decoded into a file once and read from there."""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from nightsort.dataset.versions import Dataset
from nightsort.images.preprocess import Preprocessing
from nightsort.learning.feeds.loading import feed_for_training
from nightsort.learning.predict import batch
from nightsort.storage import Storage
from peers.loader_pass import BATCH, arguments, timed


def main() -> None:
    """Open the dataset, time the passes; decoding into a file is timed apart."""
    told = arguments(__doc__)
    dataset = Dataset(Storage(str(told.source / "nightsort")))
    preprocessing = Preprocessing(dataset.policy().store_side, told.side)
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        classes = sorted(dataset.counts())
        feed = feed_for_training(dataset, 1, "train", classes, preprocessing, Path(folder), told.way)
        opening = time.perf_counter() - start

        def batches(number: int) -> Iterator[tuple[Tensor, Tensor]]:
            rows = np.random.default_rng(number).permutation(len(feed))
            for part, images in feed.batches(rows, BATCH, seed=number):
                yield batch(images), torch.from_numpy(feed.labels[part])

        timed(batches, told.passes, opening=opening)


if __name__ == "__main__":
    main()
