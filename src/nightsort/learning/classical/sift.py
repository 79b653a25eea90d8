"""Owns bags of visual words: dense SIFT descriptors (Lowe 2004), counted by their likeness to learned words.

Invariant: a continuous function of the pixels (every descriptor is shared between the words near it).
Does not know how words are learned.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nightsort.learning.classical.gradients import SIGNED, differences, fold, oriented, unit

BINS = 8
SPATIAL = 4
DESCRIPTOR = SPATIAL * SPATIAL * BINS
CLIP = 0.2
SHARPNESS = 20.0  # of the sharing between words; descriptors have length 1
_SCALES = (24, 12)  # cells along a side; a descriptor covers 4 x 4 of them
_LEAST = 4.0  # grey levels: a flat patch stays short and finds a word of its own


class Words(nn.Module):
    """Bag of visual words (Csurka et al. 2004), of the whole picture and of its quarters (Lazebnik et al. 2006).

    Descriptors are shared between words (van Gemert et al. 2008); square roots of the shares are given, in which
    Euclidean distance is Hellinger's (Arandjelovic and Zisserman 2012).

    :param words: cluster centres of descriptors, float32 (K, 128)
    """

    words: Tensor

    def __init__(self, words: Tensor) -> None:
        super().__init__()
        self.register_buffer("words", words)

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, S, S) float in 0..255 -> (B, 5 K) float32."""
        maps = [self._shares(grid) for grid in descriptors(images)]
        whole = torch.cat([shares.flatten(2) for shares in maps], 2).mean(2)
        quarters = sum(F.adaptive_avg_pool2d(shares, 2) for shares in maps) / len(maps)
        return torch.sqrt(torch.cat((whole, torch.as_tensor(quarters).flatten(1)), 1) + 1e-6)

    def _shares(self, grid: Tensor) -> Tensor:
        """Descriptors (B, 128, R, R) -> the part of each in each word, (B, K, R, R), summing to 1 over words."""
        products = F.conv2d(grid, self.words[:, :, None, None])
        lengths = (self.words * self.words).sum(1).view(1, -1, 1, 1)
        return torch.softmax(SHARPNESS * (2 * products - lengths), 1)  # the descriptor's own length cancels out


def descriptors(images: Tensor) -> list[Tensor]:
    """Dense SIFT at two scales: (B, 3, S, S) -> two of (B, 128, R, R), each vector of length 1 or less.

    The step of the grid is one cell; the Gaussian window is taken per cell (Vedaldi and Fulkerson 2010).
    """
    side = int(images.shape[-1])
    votes = oriented(*differences(images.mean(1, keepdim=True)), BINS, SIGNED)
    return [_at(votes, max(least, side // cells)) for least, cells in zip((2, 4), _SCALES, strict=True)]


def _at(votes: Tensor, cell: int) -> Tensor:
    """Descriptors of 4 x 4 cells of so many px, (B, 128, R, R)."""
    ramp = 1 - torch.abs(torch.arange(1 - cell, cell, device=votes.device)) / cell
    kernel = (torch.outer(ramp, ramp) / (cell * cell)).expand(BINS + 1, 1, -1, -1)
    cells = fold(F.conv2d(votes, kernel, stride=cell, padding=cell // 2, groups=BINS + 1))
    place = torch.arange(SPATIAL, device=votes.device) - (SPATIAL - 1) / 2
    window = torch.exp(-(place * place) / (2 * (SPATIAL / 2) ** 2))
    rows, near = int(cells.shape[-1]) - SPATIAL + 1, range(SPATIAL)
    shifted = [cells[:, :, i : i + rows, j : j + rows] * (window[i] * window[j]) for i in near for j in near]
    return unit(unit(torch.cat(shifted, 1), 1, _LEAST).clamp(max=CLIP), 1, 0.1)
