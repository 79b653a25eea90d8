"""Owns statistics of colour: moments (Stricker and Orengo 1995) and histograms in opponent space.

Invariant: a continuous function of the pixels. Does not know shapes in the picture.
"""

import torch
from torch import Tensor, nn

BINS = 8
_OPPONENT = ((0.5, -0.5, 0.0), (0.25, 0.25, -0.5), (1 / 3, 1 / 3, 1 / 3))  # red-green, yellow-blue, brightness
_OFFSET = (127.5, 127.5, 0.0)  # both differences are from -127.5 to 127.5


class Colour(nn.Module):
    """Mean, deviation, skewness and a histogram of 8 bins of each opponent channel, of the whole and of its quarters.

    165 numbers. Opponent colours are a linear map of RGB (van de Sande et al. 2010), so that they have none of the
    jumps of a hue; a pixel's vote is shared between the two nearest bins.
    """

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, S, S) float in 0..255 -> (B, 165) float32."""
        matrix = torch.tensor(_OPPONENT, device=images.device).view(3, 3, 1, 1)
        offset = torch.tensor(_OFFSET, device=images.device)
        channels = torch.nn.functional.conv2d(images, matrix, offset)
        middle = int(images.shape[-1]) // 2
        rows = (channels[:, :, :middle], channels[:, :, middle:])
        quarters = [part for row in rows for part in (row[:, :, :, :middle], row[:, :, :, middle:])]
        return torch.cat([_statistics(region.flatten(2)) for region in (channels, *quarters)], 1)


def _statistics(values: Tensor) -> Tensor:
    """Of channels (B, 3, P) in 0..255: moments and histogram, (B, 3 * (3 + BINS))."""
    mean = values.mean(2, keepdim=True)
    apart = values - mean
    deviation = torch.sqrt((apart * apart).mean(2, keepdim=True) + 1.0)
    skewness = ((apart / deviation) ** 3).mean(2, keepdim=True)
    position = values * ((BINS - 1) / 255)
    bins = [torch.relu(1 - torch.abs(position - k)).mean(2, keepdim=True) for k in range(BINS)]
    return torch.cat((mean, deviation, skewness, *bins), 2).flatten(1)
