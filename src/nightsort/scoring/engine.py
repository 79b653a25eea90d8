"""Owns the engine: one resident model that turns prepared pictures into calibrated answers.

Invariant: one model is loaded once for each process; ids travel with the pixels, and an answer is
never matched to a picture by its position in another list.
Does not know files.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import torch

from nightsort.images.decode import Pixels
from nightsort.learning.bundle import Bundle, load
from nightsort.learning.predict import probabilities
from nightsort.storage import Storage


@dataclass(frozen=True)
class Answer:
    """What the model says of one picture."""

    id: str
    label: str
    confidence: float  # calibrated probability of the label, 0 to 1
    runner_up: str
    margin: float  # confidence minus the runner-up's
    abstained: bool


class Engine:
    """A model ready to answer."""

    def __init__(self, bundle: Bundle) -> None:
        self.card = bundle.card
        self.preprocessing = bundle.card.preprocess()
        self._network = bundle.network

    def classify(self, pictures: dict[str, Pixels]) -> list[Answer]:
        """Classify one batch.

        :param pictures: id -> uint8 (image_size, image_size, 3), prepared by `self.preprocessing`
        """
        if not pictures:
            return []
        batch = np.stack(list(pictures.values()))
        rows = probabilities(self._network, batch, self.card.temperature, len(batch))
        return [self._answer(id_, row) for id_, row in zip(pictures, rows, strict=True)]

    def _answer(self, id_: str, row: npt.NDArray[np.float32]) -> Answer:
        best, second = np.argsort(-row, kind="stable")[:2]
        confidence = float(row[best])
        classes = self.card.classes
        abstained = confidence < self.card.abstain_below
        return Answer(id_, classes[best], confidence, classes[second], confidence - float(row[second]), abstained)


@lru_cache(maxsize=1)
def resident(root: str, version: int, weights_sha256: str, threads: int) -> Engine:
    """The engine of this process; loading another model lets the last one go.

    :param weights_sha256: part of the key, so that a root made anew is not answered by an old model
    :param threads: torch threads of this process
    """
    torch.set_num_threads(threads)
    return Engine(load(Storage(root), version))
