"""Owns compiling a network for training (torch.compile).

Invariant: the compiled one has the weights of the other, not a copy. Does not know what it computes.
"""

import os
import shutil
from typing import cast

import torch
from torch import nn

from nightsort.errors import ConfigError


def compiled(model: nn.Module) -> nn.Module:
    """The network, to be compiled at its first call, which takes minutes.

    :raises ConfigError: there is no C++ compiler
    """
    names = [os.environ["CXX"]] if os.environ.get("CXX") else ["g++", "clang++", "cl"]
    if not any(shutil.which(name) for name in names):
        raise ConfigError(f"compile: needs a C++ compiler, found none of {', '.join(names)}; install one or set it off")
    return cast(nn.Module, torch.compile(model))
