"""Owns torchvision's classification networks, each taken apart into body and head.

Invariant: the parts of a body keep torchvision's names, so that its weights fit; the head is one linear layer.
Does not know where weights come from.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision import models
from torchvision.models import SqueezeNet, VisionTransformer

from nightsort.errors import ModelError
from nightsort.learning.classifier import Classifier

TUPLES = ("googlenet", "inception_v3")
"""They return the answers of auxiliary heads too, unless told not to."""


def names() -> list[str]:
    """Every classification network in torchvision's registry."""
    names: list[str] = models.list_models(models)
    return names


def build(name: str, classes: int) -> Classifier:
    """A network with random weights, drawn from torch's global generator.

    :param name: one of :func:`names`
    """
    options = {"aux_logits": False, "init_weights": False} if name in TUPLES else {}
    network = models.get_model(name, weights=None, num_classes=classes, **options)
    if isinstance(network, SqueezeNet):
        return _pooled(network, classes)
    if isinstance(network, VisionTransformer):
        head = split_head(network).head
        return Classifier(AnySide(network), head)
    return split_head(network)


def split_head(network: nn.Module) -> Classifier:
    """Take the last linear layer off a network and make it the head.

    :raises ModelError: there is none
    """
    linear = [(path, layer) for path, layer in network.named_modules() if isinstance(layer, nn.Linear)]
    if not linear:
        raise ModelError(f"model: {type(network).__name__} has no linear layer to serve as its head")
    path, head = linear[-1]
    network.set_submodule(path, nn.Identity())
    return Classifier(network, head)


def _pooled(network: SqueezeNet, classes: int) -> Classifier:
    """SqueezeNet classifies every place and takes the mean; here the mean of the features is classified."""
    outputs = network.classifier[1].in_channels
    network.classifier = nn.AdaptiveAvgPool2d(1)
    return Classifier(network, nn.Linear(outputs, classes))


class AnySide(nn.Module):
    """A vision transformer without its head, for pictures of any size that its patches fill.

    Position embeddings are those of torchvision's size, resampled to the picture's grid (Dosovitskiy et al. 2021).
    """

    def __init__(self, network: VisionTransformer) -> None:
        super().__init__()
        self.conv_proj, self.class_token, self.encoder = network.conv_proj, network.class_token, network.encoder
        self.patch, self.grid = network.patch_size, network.image_size // network.patch_size

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, S, S) -> (B, D), the encoded class token."""
        if x.shape[2] % self.patch or x.shape[3] % self.patch:
            raise ValueError(f"the side has to be a multiple of {self.patch}")
        grid = self.conv_proj(x)
        tokens = torch.cat((self.class_token.expand(x.shape[0], -1, -1), grid.flatten(2).transpose(1, 2)), 1)
        tokens = tokens + self._positions(int(grid.shape[2]), int(grid.shape[3]))
        encoded: Tensor = self.encoder.ln(self.encoder.layers(self.encoder.dropout(tokens)))
        return encoded[:, 0]

    def _positions(self, height: int, width: int) -> Tensor:
        """Position embeddings of the class token and a grid of patches, (1, 1 + height * width, D)."""
        positions: Tensor = self.encoder.pos_embedding
        if height == width == self.grid:
            return positions
        places = positions[:, 1:].transpose(1, 2)
        places = F.interpolate(
            torch.unflatten(places, 2, (self.grid, self.grid)), (height, width), mode="bicubic", align_corners=True
        )
        return torch.cat((positions[:, :1], places.flatten(2).transpose(1, 2)), 1)
