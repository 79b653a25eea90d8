"""Owns the optimizer: which weights it changes, and how fast.

Invariant: a frozen body keeps its weights and its running statistics; the learning rate is a pure function
of the share of the steps that are done, so that a resumed training needs no state of it.
Does not know what is learned.
"""

import math

from torch import nn
from torch.optim import SGD, AdamW, Optimizer

from nightsort.config.training import FitParams
from nightsort.learning.classifier import Classifier

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


class Body:
    """The body of a network, to be frozen at times."""

    def __init__(self, model: Classifier) -> None:
        self._model = model
        self._learned = [weight for weight in model.body.parameters() if weight.requires_grad]
        self.is_frozen = False

    def freeze(self, frozen: bool) -> None:
        """Let the head alone learn, or all of the network."""
        self.is_frozen = frozen
        for weight in self._learned:
            weight.requires_grad_(not frozen)

    def train(self) -> None:
        """Training mode; of a frozen body evaluation mode, or batch normalisation would go on learning."""
        self._model.train()
        if self.is_frozen:
            self._model.body.eval()
