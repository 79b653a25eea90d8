"""Owns the path of a basic residual block, which our networks share. Does not know the shortcut beside it."""

from torch import nn


def residual_path(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    """Two 3x3 convolutions with batch normalisation (He et al. 2016); the first has the stride."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
        nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False),
        nn.BatchNorm2d(outputs),
    )
