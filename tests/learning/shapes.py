"""Pictures of shapes, small enough to learn from in a second, with the recipe to do so."""

from typing import Any

import numpy as np

from nightsort.config.training import TrainParams
from nightsort.learning.feeds.pictures import Pictures
from nightsort.learning.fit import Fitted
from nightsort.learning.predict import logits

CLASSES = ["bar", "block", "dot"]


def shapes(counts: tuple[int, ...], seed: int) -> Pictures:
    """Noisy 16 px pictures of a bar, a block or a dot, at random places."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(counts)), counts).astype(np.int64)
    images = rng.integers(0, 60, (len(labels), 16, 16, 3), dtype=np.uint8)
    for image, label in zip(images, labels, strict=True):
        y, x = rng.integers(1, 9, 2)
        height, width = [(2, 7), (6, 6), (2, 2)][label]
        image[y : y + height, x : x + width] += 150
    return Pictures(images, labels, [f"{seed}-{i}" for i in range(len(labels))])


TRAIN, VALIDATION, HELD_OUT = shapes((60, 30, 12), 1), shapes((20, 10, 6), 2), shapes((30, 30, 30), 3)


def params(**changes: Any) -> TrainParams:
    """A recipe that learns the shapes."""
    given = {"epochs": 12, "batch_size": 16, "image_size": 16, "learning_rate": 0.01, "patience": 12}
    return TrainParams(**(given | {"precision": "fp32"} | changes))


def accuracy(fitted: Fitted, pictures: Pictures) -> float:
    """Share of pictures that a model gets right."""
    return float((logits(fitted.model, pictures.images).argmax(1).numpy() == pictures.labels).mean())
