"""Owns the form that every model has: normalisation, a body that makes embeddings, a head that makes logits.

Invariant: it takes pictures as they are stored, and all that was learned is in its state dict, so a bundle, an export
or an ensemble need not know what kind of model it is.
Does not know how its parts are built or trained.
"""

import torch
from torch import Tensor, nn


class Classifier(nn.Module):
    """A model that takes pictures as they are stored.

    :param body: (B, 3, S, S) float, normalised -> embeddings (B, D) float; with a method `adapt`, it is shown
        normalised training pictures (N, 3, S, S) before training
    :param head: embeddings -> logits (B, C)
    """

    mean: Tensor
    std: Tensor

    def __init__(self, body: nn.Module, head: nn.Module) -> None:
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

    def adapt(self, pixels: Tensor) -> None:
        """Set what follows from the training pictures alone: the normalisation, and the body's own whitening.

        :param pixels: uint8 (N, 3, S, S), some of the training pictures
        """
        values = pixels.float()
        self.normalise_by(values.mean((0, 2, 3)), values.std((0, 2, 3)))
        if (adapt := getattr(self.body, "adapt", None)) is not None:
            adapt((values - self.mean) / self.std)
