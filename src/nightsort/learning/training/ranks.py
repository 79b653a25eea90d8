"""Owns what the processes of one training say to one another.

Invariant: alone, every word is the process's own, and nothing is sent. Does not know who started them.
"""

from dataclasses import dataclass
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

T = TypeVar("T")


@dataclass(frozen=True)
class Ranks:
    """One process among those of a training.

    :param rank: 0 leads: it validates, keeps checkpoints and reports
    :param size: processes in all
    """

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this is the process that validates, keeps checkpoints and reports."""
        return self.rank == 0

    def wrap(self, model: nn.Module, device: torch.device) -> nn.Module:
        """The network whose gradients are the mean over all processes, with the weights of the one that leads."""
        if self.size == 1:
            return model
        return DistributedDataParallel(model, device_ids=[device] if device.type == "cuda" else None)

    def mean(self, values: Tensor) -> Tensor:
        """Mean over all processes, of the same shape."""
        if self.size > 1:
            dist.all_reduce(values)
        return values / self.size

    def told(self, value: T) -> T:
        """What the leading process has, in every process."""
        if self.size == 1:
            return value
        box = [value]
        dist.broadcast_object_list(box)
        return box[0]
