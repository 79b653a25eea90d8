"""Owns the optimizer with its schedule.

Invariant: the learning rate is a pure function of the share of the steps that are done, so that a
resumed training needs no state of it. Does not know what is learned.
"""

import math

from torch import nn
from torch.optim import SGD, AdamW, Optimizer

from nightsort.config.training import FitParams

MOMENTUM = 0.9
START = 1 / 25
"""The first learning rate of a warm-up, as a share of the peak."""


def make_optimizer(model: nn.Module, params: FitParams) -> Optimizer:
    """AdamW (Loshchilov and Hutter 2019), or SGD with Nesterov's momentum."""
    groups = _groups(model, params.weight_decay)
    if params.optimizer == "sgd":
        return SGD(groups, lr=params.learning_rate, momentum=MOMENTUM, nesterov=True)
    return AdamW(groups, lr=params.learning_rate, fused=True)


def _groups(model: nn.Module, weight_decay: float) -> list[dict[str, object]]:
    """Weight decay for weights, none for biases and the scales of normalisation layers."""
    learned = [p for p in model.parameters() if p.requires_grad]
    weights, others = [p for p in learned if p.ndim > 1], [p for p in learned if p.ndim <= 1]
    return [{"params": weights, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]


def set_rate(optimizer: Optimizer, rate: float) -> None:
    """Use a learning rate from now on."""
    for group in optimizer.param_groups:
        group["lr"] = rate


def rate_at(done: float, params: FitParams) -> float:
    """Learning rate: a linear warm-up, then half a cosine down to 0 (Loshchilov and Hutter 2017).

    :param done: share of the steps that are done, 0 to 1
    """
    if done < params.warmup:
        return params.learning_rate * (START + (1 - START) * done / params.warmup)
    return params.learning_rate * 0.5 * (1 + math.cos(math.pi * (done - params.warmup) / (1 - params.warmup)))
