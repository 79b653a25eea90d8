"""Owns Nightsort's own small network.

Invariant: it takes any square picture of at least 16 px, and costs a core a few milliseconds.
Does not know classes.
"""

import torch
from torch import Tensor, nn

from nightsort.learning.networks.residual import residual_path


class Block(nn.Module):
    """Basic residual block: two 3x3 convolutions and a shortcut (He et al. 2016)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.path = residual_path(inputs, outputs, stride)
        self.shortcut = (
            nn.Identity()
            if stride == 1 and inputs == outputs
            else nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) -> (B, outputs, H / stride, W / stride)."""
        return torch.relu(self.path(x) + self.shortcut(x))


class SmallBody(nn.Module):
    """A ResNet for small pictures and a processor without a GPU: four blocks, about 0.3 million parameters.

    The pooled features are means and maxima: a defect of a few pixels drowns in a mean over the whole
    picture, and stands out in a maximum.
    """

    outputs = 256

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, 16, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(inplace=True)
        )
        self.blocks = nn.Sequential(Block(16, 16, 1), Block(16, 32, 2), Block(32, 64, 2), Block(64, 128, 2))

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, S, S) -> (B, outputs), S from 16 px up."""
        features = self.blocks(self.stem(x))
        return torch.cat((features.mean((2, 3)), features.amax((2, 3))), 1)
