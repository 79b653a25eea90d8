"""Owns watching the loss of every step, and ending a training whose loss is no number.

Invariant: no figure is believed, nor a state kept, before every loss until then was seen to be finite.
Does not know why a loss grew.
"""

import math

import torch
from torch import Tensor

from nightsort.errors import TrainingError
from nightsort.learning.training.ranks import Ranks


class Watch:
    """The losses of an epoch.

    :param every: steps after which they are looked at; a GPU is waited for each time
    :param total: sum of those of the steps before, of a training that was resumed
    """

    def __init__(self, epoch: int, steps: int, ranks: Ranks, rate: float, every: int, total: float) -> None:
        self.epoch, self.steps, self.ranks, self.rate, self.every = epoch, steps, ranks, rate, every
        self.total = total
        self._unseen: list[tuple[int, list[str], Tensor]] = []

    def add(self, step: int, ids: list[str], loss: Tensor) -> bool:
        """Take the loss of one step, counted from 1.

        :param ids: of the pictures in it
        :returns: whether all losses up to now have been seen
        :raises TrainingError: one is infinite or not a number
        """
        self._unseen.append((step, ids, loss))
        if len(self._unseen) == self.every or step == self.steps:
            self._look()
        return not self._unseen

    def _look(self) -> None:
        values = self.ranks.mean(torch.stack([loss for _, _, loss in self._unseen])).tolist()
        for (step, ids, _), value in zip(self._unseen, values, strict=True):
            if not math.isfinite(value):
                raise TrainingError(
                    f"epoch {self.epoch}, batch {step} of {self.steps}: the loss is {value}; the batch begins with "
                    f"pictures {', '.join(name[:12] for name in ids[:3])}; lower learning_rate={self.rate:g}, or set "
                    "precision=fp32"
                )
            self.total += value
        self._unseen.clear()
