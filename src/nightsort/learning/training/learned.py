"""Owns what a training has learned: weights, their moving average, the optimizer's state, the best weights so far.

Invariant: as tensors by name it goes on exactly as it was; the average never feeds back into what is trained.
Does not know files.
"""

from collections.abc import Mapping
from typing import TypeAlias, cast

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.swa_utils import AveragedModel

from nightsort.learning.classifier import Classifier

Weights: TypeAlias = Mapping[str, Tensor]
Tensors: TypeAlias = tuple[Tensor, ...] | list[Tensor]


class Learned:
    """What changes in a training: the model, the average of its weights, the optimizer, the best weights so far."""

    def __init__(self, model: Classifier, average: AveragedModel | None, optimizer: Optimizer) -> None:
        self.model, self.average, self.optimizer = model, average, optimizer
        self.best: dict[str, Tensor] = {}

    @property
    def shown(self) -> Classifier:
        """What is validated and kept: the average where there is one."""
        return self.model if self.average is None else cast(Classifier, self.average.module)

    def keep(self) -> None:
        """Remember the weights as the best so far."""
        self.best = {name: tensor.detach().clone() for name, tensor in self.shown.state_dict().items()}

    def capture(self) -> dict[str, Tensor]:
        """All tensors."""
        parts: dict[str, Weights] = {"model": self.model.state_dict(), "best": self.best}
        if self.average is not None:
            parts["average"] = self.average.state_dict()
        for number, state in self.optimizer.state_dict()["state"].items():
            parts[f"optimizer.{number}"] = {name: value for name, value in state.items() if value is not None}
        return {f"{part}.{name}": tensor for part, tensors in parts.items() for name, tensor in tensors.items()}

    def restore(self, tensors: Weights) -> None:
        """Put everything back; ValueError, and nothing has changed, if it is of another network."""
        modules: dict[str, nn.Module] = {"model": self.model}
        if self.average is not None:
            modules["average"] = self.average
        for part, module in modules.items():
            found = {name: tensor.shape for name, tensor in _part(tensors, part).items()}
            if found != {name: tensor.shape for name, tensor in module.state_dict().items()}:
                raise ValueError("its weights are of another network")
        for part, module in modules.items():
            module.load_state_dict(_part(tensors, part))
        self.best = {name: tensor.to(self._device) for name, tensor in _part(tensors, "best").items()}
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": self._moments(tensors), "param_groups": groups})

    @property
    def _device(self) -> torch.device:
        return next(self.model.parameters()).device

    def _moments(self, tensors: Weights) -> dict[int, dict[str, Tensor]]:
        """The optimizer's state, laid out in memory as the weights are: sums depend on the order."""
        weights = [weight for group in self.optimizer.param_groups for weight in group["params"]]
        moments: dict[int, dict[str, Tensor]] = {}
        for number, weight in enumerate(weights):
            for name, value in _part(tensors, f"optimizer.{number}").items():
                placed = torch.empty_like(weight).copy_(value) if value.shape == weight.shape else value
                moments.setdefault(number, {})[name] = placed.detach()
        return moments


def _part(tensors: Weights, part: str) -> dict[str, Tensor]:
    """The tensors whose names begin with a part, without it."""
    return {name.removeprefix(f"{part}."): value for name, value in tensors.items() if name.startswith(f"{part}.")}


def average_of(model: nn.Module, decay: float) -> AveragedModel:
    """An exponential moving average of the parameters and running statistics of a model (Polyak and Juditsky 1992).

    :param decay: a step; in the first steps min(decay, (1 + n) / (10 + n)), or the random weights would last
    """

    def move(averaged: Tensors, current: Tensors, steps: Tensor | int) -> None:
        if not averaged[0].is_floating_point():  # counters of batch normalisation
            torch._foreach_copy_(averaged, current)
            return
        # A tensor: a GPU need not be waited for.
        now = torch.clamp(torch.as_tensor((1 + steps) / (10 + steps)), max=decay)
        torch._foreach_mul_(averaged, now)
        torch._foreach_add_(averaged, torch._foreach_mul(current, 1 - now))

    return AveragedModel(model, multi_avg_fn=move, use_buffers=True)
