"""Owns the body of a classical model: pictures in, standardised numbers out.

Invariant: the order of the numbers is the order in which features were asked for.
Does not know what is concluded from them.
"""

import torch
from torch import Tensor, nn

from nightsort.learning.classifier import Classifier

_LEAST_DEVIATION = 1e-3  # a number that is the same in all training pictures says nothing when it moves a little


class Features(nn.Module):
    """Features side by side, standardised by the training split.

    :param parts: each maps (B, 3, S, S) float in 0..255 to (B, D_i) float32
    :param mean: float32 (D,), D the sum of all D_i
    :param std: likewise
    """

    mean: Tensor
    std: Tensor

    def __init__(self, parts: list[nn.Module], mean: Tensor, std: Tensor) -> None:
        super().__init__()
        self.parts = nn.ModuleList(parts)
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, S, S) float in 0..255 -> (B, D) float32."""
        return (self.raw(images) - self.mean) / self.std

    def raw(self, images: Tensor) -> Tensor:
        """What is standardised, (B, D)."""
        return torch.cat([part(images) for part in self.parts], 1)

    def standardise_by(self, mean: Tensor, std: Tensor) -> None:
        """Set what is subtracted, and what the rest is divided by; both float32 (D,)."""
        self.mean = mean
        self.std = std.clamp(min=_LEAST_DEVIATION)


class Embedding(nn.Module):
    """What the head of a network would see."""

    def __init__(self, network: Classifier) -> None:
        super().__init__()
        self.network = network
        self.network.head = nn.Identity()

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, S, S) float in 0..255 -> (B, D) float32."""
        return self.network.embed(images)
