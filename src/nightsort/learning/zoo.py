"""Owns the networks: ours and torchvision's, by name, each as body, head and normalisation in one.

Invariant: whatever the name, the result takes uint8 pictures and its head is one linear layer, so
weights, embeddings and the retraining of the head are the same for every network.
Does not know how a network is trained.
"""

from difflib import get_close_matches

import torch
from torch import Tensor, nn

from nightsort.errors import ModelError

SMALL = "small_resnet"
_AUXILIARY = ("googlenet", "inception_v3")  # they return a tuple unless told not to


class Classifier(nn.Module):
    """A network that takes pictures as they are stored.

    :param body: (B, 3, S, S) float -> embeddings (B, D) float
    :param head: embeddings -> logits (B, C)
    """

    mean: Tensor
    std: Tensor

    def __init__(self, body: nn.Module, head: nn.Linear) -> None:
        super().__init__()
        self.body = body
        self.head = head
        self.register_buffer("mean", torch.full((1, 3, 1, 1), 127.5))
        self.register_buffer("std", torch.full((1, 3, 1, 1), 64.0))

    def forward(self, images: Tensor) -> Tensor:
        """Logits, float32 (B, C), of pictures (B, 3, S, S), RGB, uint8 or float in 0..255."""
        logits: Tensor = self.head(self.embed(images))
        return logits

    def embed(self, images: Tensor) -> Tensor:
        """Embeddings, float32 (B, D): what the head sees."""
        embeddings: Tensor = self.body((images.float() - self.mean) / self.std)
        return embeddings

    def normalise_by(self, mean: Tensor, std: Tensor) -> None:
        """Set the normalisation; it travels with the weights.

        :param mean: per channel, float (3,), in 0..255
        :param std: per channel, float (3,), in 0..255; at least 1 is used
        """
        self.mean.copy_(mean.view(1, 3, 1, 1))
        self.std.copy_(std.view(1, 3, 1, 1).clamp(min=1.0))


class Block(nn.Module):
    """Basic residual block: two 3x3 convolutions and a shortcut (He et al. 2016)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.path = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
            nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )
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


def names() -> list[str]:
    """Every name that :func:`build` takes."""
    from torchvision import models  # takes seconds to import, and a worker that serves our own net never needs it

    # SqueezeNet ends in a convolution: it has no linear head to retrain.
    return [SMALL, *(name for name in models.list_models(models) if not name.startswith("squeezenet"))]


def build(name: str, classes: int) -> Classifier:
    """A network with random weights, drawn from torch's global generator.

    :param name: one of :func:`names`
    :param classes: number of classes C
    :raises ModelError: unknown name
    """
    if name == SMALL:
        return Classifier(SmallBody(), nn.Linear(SmallBody.outputs, classes))
    if name not in names():
        near = get_close_matches(name, names(), n=3, cutoff=0.5) or [SMALL, "resnet18", "mobilenet_v3_small"]
        raise ModelError(
            f"model: unknown name {name!r}; near it: {', '.join(near)}; "
            "allowed are small_resnet and torchvision's classification models"
        )
    from torchvision.models import get_model

    options = {"aux_logits": False, "init_weights": False} if name in _AUXILIARY else {}
    return split_head(get_model(name, weights=None, num_classes=classes, **options))


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
