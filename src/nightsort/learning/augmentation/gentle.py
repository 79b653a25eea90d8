"""Owns the gentle augmentation: pictures moved, turned, mirrored and coloured a little.

Invariant: each picture of a batch is changed on its own, and all randomness comes from the generator
passed in. Does not know labels.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from nightsort.words import Flip


@dataclass(frozen=True)
class Gentle:
    """Strength of each change, drawn uniformly from plus or minus the figure.

    The defaults are gentle: a defect of a few pixels does not survive a strong change.

    :param flip: mirror at random, each direction with probability one half
    :param degrees: rotation
    :param shift: translation, as a share of the side
    :param zoom: scale, as a share of one
    :param brightness: added, as a share of the full range
    :param contrast: factor about the picture's mean, as a share of one
    """

    flip: Flip = "none"
    degrees: float = 8.0
    shift: float = 0.06
    zoom: float = 0.1
    brightness: float = 0.04
    contrast: float = 0.08

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Change every picture of a batch.

        :param images: (B, 3, S, S), uint8 or float in 0..255, on any device
        :param generator: of the processor
        :return: float32 (B, 3, S, S) in 0..255
        """
        return self._colour(self._move(images.float(), generator), generator)

    def _move(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Rotate, shift, zoom and mirror in one resampling; what comes in from outside is reflected."""
        affine = self._affine(len(images), generator).to(images.device)
        grid = F.affine_grid(affine, list(images.shape), align_corners=False)
        return F.grid_sample(images, grid, mode="bilinear", padding_mode="reflection", align_corners=False)

    def _affine(self, batch: int, generator: torch.Generator) -> Tensor:
        """Output-to-input transforms in the coordinates of affine_grid, float32 (B, 2, 3)."""
        angle = _symmetric(batch, math.radians(self.degrees), generator)
        cos, sin = torch.cos(angle), torch.sin(angle)
        rotation = torch.stack((cos, -sin, sin, cos), 1).view(batch, 2, 2)
        scale = 1 + _symmetric(batch, self.zoom, generator).view(batch, 1, 1)
        horizontal = _signs(batch, self.flip in ("horizontal", "both"), generator)
        vertical = _signs(batch, self.flip == "both", generator)
        mirror = torch.stack((horizontal, vertical), 1).view(batch, 1, 2)
        # The grid runs from -1 to 1, so a share of the side is twice as much in it.
        shift = torch.stack([_symmetric(batch, 2 * self.shift, generator) for _ in range(2)], 1).view(batch, 2, 1)
        return torch.cat((rotation * scale * mirror, shift), 2)

    def _colour(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Change contrast about each picture's mean, then brightness."""
        shape = (len(images), 1, 1, 1)
        mean = images.mean((1, 2, 3), keepdim=True)
        factor = 1 + _symmetric(len(images), self.contrast, generator).view(shape).to(images.device)
        offset = _symmetric(len(images), 255 * self.brightness, generator).view(shape).to(images.device)
        return ((images - mean) * factor + mean + offset).clamp(0, 255)


def _symmetric(batch: int, limit: float, generator: torch.Generator) -> Tensor:
    """Uniform in -limit..limit, float32 (B,)."""
    return (2 * torch.rand(batch, generator=generator) - 1) * limit


def _signs(batch: int, on: bool, generator: torch.Generator) -> Tensor:
    """-1 or 1 with equal odds where on, else 1, float32 (B,)."""
    return torch.randint(0, 2, (batch,), generator=generator).float() * 2 - 1 if on else torch.ones(batch)
