"""Owns the ResNet-32 for CIFAR of He et al. 2016, the network of the long-tail literature.

Invariant: layers, widths, shortcuts and initial weights are those of the papers, so figures can be compared.
Does not know classes.
"""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nightsort.learning.networks.residual import residual_path


class Block(nn.Module):
    """Basic block whose shortcut has no parameters: every second pixel, and zeros for new channels (option A)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.path = residual_path(inputs, outputs, stride)
        self.stride = stride
        self.added = (outputs - inputs) // 2  # channels of zeros on either side

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) -> (B, outputs, H / stride, W / stride)."""
        shortcut = F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, self.added, self.added))
        return torch.relu(self.path(x) + shortcut)


class ResNet32Body(nn.Module):
    """Three groups of five blocks, 16, 32 and 64 channels wide, and a mean over the picture: 0.46 million parameters.

    Weights start by He et al. 2015 (Kaiming normal), as in the code of LDAM-DRW (Cao et al. 2019).
    """

    outputs = 64

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU(inplace=True))
        widths = [16] * 6 + [32] * 5 + [64] * 5
        steps = pairwise(widths)
        self.blocks = nn.Sequential(*(Block(i, o, 1 if i == o else 2) for i, o in steps))
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight)

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, S, S) -> (B, outputs)."""
        features: Tensor = self.blocks(self.stem(x))
        return features.mean((2, 3))
