"""Owns the losses: cross entropy and its corrections for unequal classes, all for soft targets.

Invariant: with equal class counts they are cross entropy, save the focal loss and LDAM, which change it for every
class alike. Does not know networks.
"""

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from nightsort.balance.plan import Plan, deferred
from nightsort.learning.networks.heads import SCALE

Loss = Callable[[Tensor, Tensor], Tensor]
"""(logits (B, C), target probabilities (B, C)) -> mean loss per picture, a scalar."""

GAMMA = 2.0
"""How strongly the focal loss looks away from what is easy (Lin et al. 2017)."""

MARGIN = 0.5
"""LDAM's margin of the rarest class, as a cosine (Cao et al. 2019)."""


def cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Plain cross entropy, mean over the batch.

    :param logits: (B, C), in any precision; so of all losses
    :param targets: float32 (B, C), rows summing to 1
    :returns: float32 ()
    """
    return F.cross_entropy(logits.float(), targets)


def weighted_cross_entropy(logits: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """Cross entropy with one factor a class; the mean is over pictures, not over weights.

    :param weights: float32 (C,)
    """
    return F.cross_entropy(logits.float(), targets, weight=weights.to(logits.device))


def balanced_softmax(logits: Tensor, targets: Tensor, counts: Tensor) -> Tensor:
    """Cross entropy of logits raised by the log prior (Ren et al. 2020, Balanced Meta-Softmax).

    The network learns what a picture says beyond the prior; without the raise, it predicts as if classes were
    equally common. It is the loss form of logit adjustment with tau = 1 (Menon et al. 2021, equation 10); the
    strategy `logit_adjustment` is their post-hoc form, see :func:`nightsort.learning.head.finish`.

    :param counts: training pictures per class, (C,), all above 0
    """
    return F.cross_entropy(logits.float() + torch.log(counts / counts.sum()).to(logits.device), targets)


def focal(logits: Tensor, targets: Tensor, gamma: float = GAMMA) -> Tensor:
    """Cross entropy that counts what is already right for less (Lin et al. 2017), class by class of a soft target.

    The other parameters are those of :func:`cross_entropy`.

    :param gamma: 0 is cross entropy
    """
    log_p = F.log_softmax(logits.float(), 1)
    return -(targets * (1 - log_p.exp()).pow(gamma) * log_p).sum(1).mean()


def ldam(logits: Tensor, targets: Tensor, margins: Tensor, weights: Tensor) -> Tensor:
    """Cross entropy after the right class gave up a margin (Cao et al. 2019, label-distribution-aware margins).

    Of a soft target, each class gives up its margin times its share.

    :param logits: cosines times SCALE, of the cosine head
    :param margins: as cosines, float32 (C,), see :func:`margins`
    :param weights: float32 (C,)
    """
    return weighted_cross_entropy(logits.float() - SCALE * margins.to(logits.device) * targets, targets, weights)


def margins(before: NDArray[np.int64]) -> Tensor:
    """A margin a class, in proportion to n^-1/4, MARGIN for the rarest, float32 (C,)."""
    quarter = torch.from_numpy(before).float().pow(-0.25)
    return MARGIN * quarter / quarter.max()


def spread_of(plan: Plan) -> Tensor:
    """Over which classes label smoothing spreads its share of a target, float32 (C,): all alike, or by the prior.

    Balanced softmax raises logits by the log prior. Were the share spread alike, a rare class would have to be given
    more than its prior to every picture, and would be named for all that is doubtful.
    """
    counts = torch.from_numpy(plan.before).float()
    return counts / counts.sum() if plan.strategy == "balanced_softmax" else torch.full_like(counts, 1 / len(counts))


def loss_for(plan: Plan, progress: float = 0.0) -> Loss:
    """The loss that a balancing plan calls for.

    :param progress: share of the epochs that are done, 0 to 1; the weights of LDAM-DRW begin at 0.8
    """
    weights, counts = torch.from_numpy(plan.weights), torch.from_numpy(plan.before).float()
    if plan.strategy == "balanced_softmax":
        return lambda logits, targets: balanced_softmax(logits, targets, counts)
    if plan.strategy == "focal":
        return focal
    if plan.strategy == "ldam_drw":
        given, margin = weights if deferred(progress) else torch.ones_like(weights), margins(plan.before)
        return lambda logits, targets: ldam(logits, targets, margin, given)
    if (plan.weights != 1).any():
        return lambda logits, targets: weighted_cross_entropy(logits, targets, weights)
    return cross_entropy
