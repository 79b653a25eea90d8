"""Owns what of this machine a training uses: a processor or a GPU, bfloat16 or not, its compiler.

Invariant: what is not asked for is only used where the hardware has instructions for it; a compiled network has the
weights of the other, not a copy.
Does not know what a network computes.
"""

import os
import shutil
from dataclasses import dataclass
from typing import cast

import torch
from torch import nn

from nightsort.errors import ConfigError
from nightsort.words import Precision


@dataclass(frozen=True)
class Hardware:
    """Where the forward pass is computed, and whether in bfloat16 where that loses little (torch's autocast)."""

    device: torch.device
    bf16: bool

    @property
    def is_gpu(self) -> bool:
        """Whether work on it is queued, so that waiting for a figure costs time."""
        return self.device.type == "cuda"

    @property
    def generators(self) -> list[torch.device]:
        """Devices with a generator of their own, besides the processor's."""
        return [self.device] if self.is_gpu else []

    def autocast(self) -> torch.autocast:
        """Context of the forward pass."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16)


def choose(precision: Precision, rank: int = 0, processes: int = 1) -> Hardware:
    """The GPU of a process if there are any, else the processor.

    :raises ConfigError: more processes than GPUs
    """
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if gpus and processes > gpus:
        raise ConfigError(f"processes: {processes} asked for, but this machine has GPUs for {gpus}; each needs its own")
    device = torch.device("cuda", rank) if gpus else torch.device("cpu")
    return Hardware(device, precision == "bf16" or (precision == "auto" and _has_bf16(device)))


def _has_bf16(device: torch.device) -> bool:
    """Whether there are instructions for bfloat16, not an emulation of them, that give the same answer twice.

    On a processor (torch 2.13, AVX-512) two of six like trainings of a mobilenet_v3_small came out otherwise in bf16,
    one of them not a number; in fp32 none did. So there it is used only where it is asked for.
    """
    return device.type == "cuda" and bool(torch.cuda.is_bf16_supported(including_emulation=False))


def compiled(model: nn.Module) -> nn.Module:
    """The network, to be compiled at its first call, which takes minutes.

    :raises ConfigError: there is no C++ compiler
    """
    names = [os.environ["CXX"]] if os.environ.get("CXX") else ["g++", "clang++", "cl"]
    if not any(shutil.which(name) for name in names):
        raise ConfigError(f"compile: needs a C++ compiler, found none of {', '.join(names)}; install one or set it off")
    return cast(nn.Module, torch.compile(model))
