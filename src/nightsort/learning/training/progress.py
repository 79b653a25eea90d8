"""Owns how far a training has come. Invariant: plain data. Does not know the weights that go with it."""

from pydantic import BaseModel

from nightsort.learning.history import Epoch, best_of


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

    def close(self, epoch: Epoch) -> bool:
        """Go on with the next epoch; whether the one that ends is the best so far."""
        self.history.append(epoch)
        self.epoch, self.step, self.loss, self.seconds = self.epoch + 1, 0, 0.0, 0.0
        return best_of(self.history) is epoch

    def is_over(self, epochs: int, patience: int) -> bool:
        """Whether the epochs or the patience are used up."""
        last = self.epoch - 1
        return last >= epochs or (bool(self.history) and last - best_of(self.history).epoch >= patience)
