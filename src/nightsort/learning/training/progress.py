"""Owns how far a training has come. Invariant: plain data. Does not know the weights that go with it."""

from pydantic import BaseModel

from nightsort.learning.history import Epoch, kept_of
from nightsort.words import Keep


class Progress(BaseModel):
    """Where a training stands.

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

    def close(self, epoch: Epoch, keep: Keep) -> bool:
        """Go on with the next epoch; whether the one that ends is the one to keep so far."""
        self.history.append(epoch)
        self.epoch, self.step, self.loss, self.seconds = self.epoch + 1, 0, 0.0, 0.0
        return kept_of(self.history, keep) is epoch

    def is_over(self, epochs: int, patience: int, keep: Keep, begins: int = 1) -> bool:
        """Whether the epochs or the patience are used up; who keeps the last epoch has patience.

        :param begins: first epoch of a strategy's second phase, before which patience does not end
        """
        last = self.epoch - 1
        return last >= epochs or (
            bool(self.history) and last - max(begins - 1, kept_of(self.history, keep).epoch) >= patience
        )
