"""Owns histograms of oriented gradients (Dalal and Triggs 2005).

Invariant: as many numbers whatever the side, because the picture is cut into a fixed grid of cells.
Does not know other features.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nightsort.learning.classical.gradients import UNSIGNED, differences, fold, oriented, unit

CELLS = 8  # along a side: cells of 12 px in a picture of 96
BINS = 9
CLIP = 0.2
_LEAST = 1.0  # grey levels: a block without a gradient stays near zero
_LEAST_CLIPPED = 0.05  # likewise the second time


class Hog(nn.Module):
    """HOG: 9 unsigned directions, 8 x 8 cells, blocks of 2 x 2 cells normalised by L2-Hys; 1,764 numbers.

    As in the paper each pixel votes with the channel of its strongest gradient, and a vote is shared between two
    directions; unlike it, a vote goes to the pixel's own cell alone.
    """

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, S, S) float in 0..255 -> (B, 1764) float32; what S has beyond a multiple of 8 is cut off evenly."""
        cell = int(images.shape[-1]) // CELLS
        before = (int(images.shape[-1]) - cell * CELLS) // 2
        votes = oriented(*_strongest(*differences(images)), BINS, UNSIGNED)
        inside = votes[:, :, before : before + cell * CELLS, before : before + cell * CELLS]
        return _blocks(fold(F.avg_pool2d(inside, cell))).flatten(1)


def _strongest(dx: Tensor, dy: Tensor) -> tuple[Tensor, Tensor]:
    """The gradient of the channel in which it is longest, (B, 1, S, S) twice."""
    channel = (dx * dx + dy * dy).argmax(1, keepdim=True)
    return dx.gather(1, channel), dy.gather(1, channel)


def _blocks(cells: Tensor) -> Tensor:
    """Cells (B, 9, R, R) -> blocks of 2 x 2 cells (B, 36, R - 1, R - 1), normalised, clipped, normalised again."""
    corners = (cells[:, :, :-1, :-1], cells[:, :, :-1, 1:], cells[:, :, 1:, :-1], cells[:, :, 1:, 1:])
    clipped = unit(torch.cat(corners, 1), 1, _LEAST).clamp(max=CLIP)
    return unit(clipped, 1, _LEAST_CLIPPED)
