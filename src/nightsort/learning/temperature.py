"""Owns the temperature: the one number that makes confidences honest.

Invariant: learned from validation logits alone; dividing by it never changes which class wins.
Does not know what the model is, nor what it learned from.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from nightsort.learning import predict
from nightsort.learning.classifier import Classifier
from nightsort.learning.feeds.pictures import Pictures

LIMITS = (0.1, 10.0)


def temperature_of(model: Classifier, validation: Pictures) -> float:
    """The temperature of a model, by :func:`fit_temperature`.

    :param validation: at least one picture, with labels
    """
    return fit_temperature(predict.logits(model, validation.images), torch.from_numpy(validation.labels))


def fit_temperature(logits: Tensor, labels: Tensor) -> float:
    """Temperature with the least cross entropy on validation (Guo et al. 2017), to within 2 %, by a grid.

    Targets are smoothed by 1 / (N + 2) (Platt 1999): a small validation split that is all right
    would otherwise make every confidence 1.

    :param logits: float32 (N, C), N at least 1
    :param labels: int64 (N,)
    """
    low, high = (torch.log(torch.tensor(limit)) for limit in LIMITS)
    grid = torch.exp(torch.linspace(low, high, 121)).tolist()
    smoothing = 1 / (len(labels) + 2)
    return float(min(grid, key=lambda t: F.cross_entropy(logits / t, labels, label_smoothing=smoothing).item()))
