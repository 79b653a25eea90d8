"""Owns the whitened network, which learns small pictures in few epochs, in the manner of airbench94 (Jordan 2024).

Invariant: the first layer is set from the training pictures and never trained.
Does not know classes.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_WIDTHS = (64, 128, 256)
_PATCH = 2  # pixels a side
_LEAST = 5e-4  # added to a variance before it is divided by
_SCALE = 1 / 9  # of the logits, by way of the embedding, so that the head stays one linear layer
_AT_ONCE = 32  # pictures, whose patches need memory


class Group(nn.Module):
    """Two 3x3 convolutions that start as the identity, with a 2x2 maximum after the first."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
            nn.MaxPool2d(2),
            nn.BatchNorm2d(outputs),
            nn.GELU(),
            nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.GELU(),
        )
        for layer in self.layers:
            if isinstance(layer, nn.Conv2d):  # Kaiming's default for the channels that are new
                nn.init.dirac_(layer.weight[: layer.in_channels])

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) -> (B, outputs, H / 2, W / 2)."""
        values: Tensor = self.layers(x)
        return values


class WhitenedBody(nn.Module):
    """A frozen whitening of 2x2 patches, three groups and a maximum over the picture: 1.2 million parameters."""

    outputs = _WIDTHS[-1]

    def __init__(self) -> None:
        super().__init__()
        patch = 3 * _PATCH**2
        self.whitening = nn.Conv2d(3, 2 * patch, _PATCH, bias=False).requires_grad_(False)
        inputs = (2 * patch, *_WIDTHS[:-1])
        self.groups = nn.Sequential(*(Group(i, o) for i, o in zip(inputs, _WIDTHS, strict=True)))

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, S, S) -> (B, outputs), S from 16 px up."""
        features: Tensor = self.groups(F.gelu(self.whitening(x)))
        return features.amax((2, 3)) * _SCALE

    @torch.no_grad()
    def adapt(self, images: Tensor) -> None:
        """Set the whitening: eigenvectors of the patches' covariance over their standard deviation, with both signs.

        :param images: normalised, float (N, 3, S, S), N at least 1
        """
        size = 3 * _PATCH**2
        products, count = torch.zeros(size, size, dtype=torch.float64), 0
        for part in torch.split(images, _AT_ONCE):
            patches = F.unfold(part, _PATCH).transpose(0, 1).flatten(1).double()
            products += patches @ patches.T
            count += patches.shape[1]
        variances, vectors = torch.linalg.eigh(products / count)
        filters = (vectors / (variances + _LEAST).sqrt()).T.reshape(-1, 3, _PATCH, _PATCH)
        self.whitening.weight.copy_(torch.cat((filters, -filters)))
