"""Owns the losses: cross entropy and its two corrections for unequal classes, all for soft targets.

Invariant: with equal class counts all three are the same function. Does not know networks.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from nightsort.balance.plan import Plan

Loss = Callable[[Tensor, Tensor], Tensor]
"""(logits (B, C), target probabilities (B, C)) -> mean loss per picture, a scalar."""


def cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Plain cross entropy, mean over the batch."""
    return F.cross_entropy(logits, targets)


def weighted_cross_entropy(logits: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """Cross entropy with one factor a class; the mean is over pictures, not over weights.

    :param weights: float32 (C,)
    """
    return F.cross_entropy(logits, targets, weight=weights)


def balanced_softmax(logits: Tensor, targets: Tensor, counts: Tensor) -> Tensor:
    """Cross entropy of logits raised by the log prior (Ren et al. 2020, Balanced Meta-Softmax).

    The network learns what a picture says beyond the prior; without the raise, it predicts as if
    classes were equally common.

    :param counts: training pictures per class, (C,), all above 0
    """
    return F.cross_entropy(logits + torch.log(counts / counts.sum()), targets)


def loss_for(plan: Plan) -> Loss:
    """The loss that a balancing plan calls for."""
    if plan.strategy == "class_weights":
        weights = torch.from_numpy(plan.weights)
        return lambda logits, targets: weighted_cross_entropy(logits, targets, weights)
    if plan.strategy == "balanced_softmax":
        counts = torch.from_numpy(plan.before).float()
        return lambda logits, targets: balanced_softmax(logits, targets, counts)
    return cross_entropy
