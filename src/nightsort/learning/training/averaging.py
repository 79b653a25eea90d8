"""Owns the moving average of the weights (Polyak and Juditsky 1992), often better than any of its members.

Invariant: it never feeds back into what is trained. Does not know what the weights are of.
"""

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

Tensors = tuple[Tensor, ...] | list[Tensor]


def average_of(model: nn.Module, decay: float) -> AveragedModel:
    """An exponential moving average of the parameters and running statistics of a model.

    :param decay: a step; in the first steps min(decay, (1 + n) / (10 + n)), or the random weights would last
    """

    def move(averaged: Tensors, current: Tensors, steps: Tensor | int) -> None:
        if not averaged[0].is_floating_point():  # counters of batch normalisation
            torch._foreach_copy_(averaged, current)
            return
        now = torch.clamp(
            torch.as_tensor((1 + steps) / (10 + steps)), max=decay
        )  # a tensor: a GPU need not be waited for
        torch._foreach_mul_(averaged, now)
        torch._foreach_add_(averaged, torch._foreach_mul(current, 1 - now))

    return AveragedModel(model, multi_avg_fn=move, use_buffers=True)
