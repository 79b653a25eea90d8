"""Owns how far a training has come: its epochs, its steps, their losses.

Invariant: no figure is believed, nor a state kept, before every loss until then was seen to be finite.
Does not know the weights that go with it, nor why a loss grew.
"""

import math

import torch
from pydantic import BaseModel
from torch import Tensor

from nightsort.errors import TrainingError
from nightsort.learning.history import Epoch, kept_of
from nightsort.learning.training.ranks import Ranks
from nightsort.words import Keep


class Progress(BaseModel):
    """Where a training stands, as plain data.

    :param epoch: that is to be gone on with, from 1
    :param step: steps done in it
    :param loss: sum of their losses
    :param seconds: they took
    :param parts: into which a batch is divided for memory's sake
    """

    epoch: int = 1
    step: int = 0
    loss: float = 0.0
    seconds: float = 0.0
    parts: int
    history: list[Epoch] = []
    notes: list[str] = []

    def close(self, epoch: Epoch, keep: Keep, begins: int) -> bool:
        """Go on with the next epoch; whether the one that ends is the one to keep so far."""
        self.history.append(epoch)
        self.epoch, self.step, self.loss, self.seconds = self.epoch + 1, 0, 0.0, 0.0
        return kept_of(self.history, keep, begins) is epoch

    def is_over(self, epochs: int, patience: int, keep: Keep, begins: int) -> bool:
        """Whether the epochs or the patience are used up; who keeps the last epoch has patience.

        :param begins: first epoch that counts, before which patience does not end
        """
        last = self.epoch - 1
        return last >= epochs or (
            bool(self.history) and last - max(begins - 1, kept_of(self.history, keep, begins).epoch) >= patience
        )


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

        :param loss: a number, float32 ()
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
            batch = f"the batch begins with pictures {', '.join(name[:12] for name in ids[:3])}; "
            require_finite(value, f"epoch {self.epoch}, batch {step} of {self.steps}", self.rate, batch)
            self.total += value
        self._unseen.clear()


def require_finite(loss: float, where: str, rate: float, what: str = "") -> None:
    """:class:`TrainingError` if a loss is infinite or not a number.

    Batch normalisation can hide from the losses of training that weights are out of all bounds; validation shows it.

    :param what: it is of, for people
    """
    if not math.isfinite(loss):
        raise TrainingError(f"{where}: the loss is {loss}; {what}lower learning_rate={rate:g}, or set precision=fp32")
