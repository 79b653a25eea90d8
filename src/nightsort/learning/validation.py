"""Owns the figures on the validation split by which training makes its choices.

Invariant: macro-F1 is the mean over the classes the split holds. Does not know the test split.
"""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, f1_score

from nightsort.learning import predict
from nightsort.learning.classifier import Classifier
from nightsort.learning.feeds.pictures import Pictures


@dataclass(frozen=True)
class Validation:
    """Mean cross entropy per picture (natural log), accuracy and macro-F1 (0 to 1)."""

    loss: float
    accuracy: float
    macro_f1: float


def validate(model: Classifier, pictures: Pictures) -> Validation:
    """Figures of a network on a split, at its natural prior.

    :param pictures: at least one
    """
    logits = predict.logits(model, pictures.images)
    labels, predicted = pictures.labels, logits.argmax(1).numpy()
    return Validation(
        loss=F.cross_entropy(logits, torch.from_numpy(labels)).item(),
        accuracy=float(accuracy_score(labels, predicted)),
        macro_f1=macro_f1(labels, predicted),
    )


def macro_f1(labels: NDArray[np.int64], predicted: NDArray[np.int64]) -> float:
    """Mean F1 over the classes that the split holds, 0 to 1.

    :param labels: class ids, int64 (N,), N at least 1
    :param predicted: class ids, int64 (N,)
    """
    return float(f1_score(labels, predicted, labels=np.unique(labels), average="macro", zero_division=0))
