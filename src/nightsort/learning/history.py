"""Owns the record of an epoch. Invariant: one record an epoch, in order. Does not know who reads it."""

from pydantic import BaseModel


class Epoch(BaseModel):
    """One pass over the training split. Losses are means per picture; macro_f1 is on validation."""

    epoch: int
    train_loss: float
    validation_loss: float
    validation_accuracy: float
    validation_macro_f1: float
    learning_rate: float
    seconds: float
