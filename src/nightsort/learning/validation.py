"""Owns the figures on the validation split by which training makes its choices.

Invariant: macro-F1 is the mean over the classes the split holds. Does not know the test split.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from sklearn.metrics import accuracy_score, f1_score

from nightsort.learning import predict
from nightsort.learning.classifier import Classifier
from nightsort.learning.pictures import Pictures


@dataclass(frozen=True)
class Validation:
    """Mean cross entropy per picture (natural log), accuracy and macro-F1 (0 to 1)."""

    loss: float
    accuracy: float
    macro_f1: float


def validate(model: Classifier, pictures: Pictures, batch_size: int = 256) -> Validation:
    """Figures of a network on a split, at its natural prior.

    :param pictures: at least one
    """
    logits = predict.logits(model, pictures.images, batch_size)
    labels, predicted = pictures.labels, logits.argmax(1).numpy()
    return Validation(
        loss=F.cross_entropy(logits, torch.from_numpy(labels)).item(),
        accuracy=float(accuracy_score(labels, predicted)),
        macro_f1=float(f1_score(labels, predicted, labels=sorted(set(labels)), average="macro", zero_division=0)),
    )
