"""Owns the gradients of pictures: how strong they are in each direction, pixel by pixel.

Invariant: a continuous function of the pixels (votes are shared between neighbouring directions), so that
backends that round differently agree. Does not know what is counted with it.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def oriented(dx: Tensor, dy: Tensor, bins: int, period: float) -> Tensor:
    """Gradient magnitude shared linearly between the two nearest directions, (B, bins + 1, H, W).

    The last belongs to the first, see :func:`fold`: pooled maps are cheaper to add.

    :param dx, dy: horizontal and vertical gradient, (B, 1, H, W)
    :param period: pi for directions without a sign, 2 pi with one; bin k is centred at (k + 1/2) period / bins
    """
    magnitude = torch.sqrt(dx * dx + dy * dy + 1e-8)
    turns = torch.atan2(dy, dx) / period - 0.5 / bins
    position = (turns - torch.floor(turns)) * bins  # 0 up to bins
    centres = torch.arange(bins + 1, dtype=torch.float32, device=dx.device).view(1, bins + 1, 1, 1)
    return magnitude * torch.relu(1 - torch.abs(position - centres))


def fold(maps: Tensor) -> Tensor:
    """(B, bins + 1, H, W) -> (B, bins, H, W): directions are a circle."""
    return torch.cat((maps[:, :1] + maps[:, -1:], maps[:, 1:-1]), 1)


def differences(images: Tensor) -> tuple[Tensor, Tensor]:
    """Central differences [-1, 0, 1] of each channel, with repeated borders: two of (B, C, H, W)."""
    padded = F.pad(images, (1, 1, 1, 1), mode="replicate")
    return padded[:, :, 1:-1, 2:] - padded[:, :, 1:-1, :-2], padded[:, :, 2:, 1:-1] - padded[:, :, :-2, 1:-1]


def unit(vectors: Tensor, axis: int, least: float) -> Tensor:
    """Vectors at length 1 along an axis; those much shorter than `least` stay short.

    :returns: the same shape
    """
    return vectors / torch.sqrt((vectors * vectors).sum(axis, keepdim=True) + least * least)


UNSIGNED, SIGNED = math.pi, 2 * math.pi
