"""Owns the record of an epoch. Invariant: one record an epoch, in order. Does not know who reads it."""

from collections.abc import Sequence

from pydantic import BaseModel

from nightsort.words import Keep


class Epoch(BaseModel):
    """One pass over the training split. Losses are means per picture; macro_f1 is on validation."""

    epoch: int
    train_loss: float
    validation_loss: float
    validation_accuracy: float
    validation_macro_f1: float
    learning_rate: float  # of the last step
    seconds: float  # with validation
    rate: float = 0.0  # training pictures a second, without validation


def merit(epoch: Epoch) -> tuple[float, float]:
    """What makes one epoch better than another: macro-F1 on validation, and at equal macro-F1 the lower loss.

    A small validation split is soon all right; the loss still tells the later, surer epochs from the first.
    """
    return epoch.validation_macro_f1, -epoch.validation_loss


def kept_of(history: Sequence[Epoch], keep: Keep, begins: int) -> Epoch:
    """The epoch whose weights are kept: of the highest merit, the first of equals; or the last.

    :param begins: epochs before this one are kept only while there is no other: by luck on a small validation split,
        one of the warm-up would otherwise win over all that were learned
    """
    ripe = [epoch for epoch in history if epoch.epoch >= begins] or history
    return ripe[-1] if keep == "last" else max(ripe, key=merit)
