"""Owns the heads that a network may end in.

Invariant: each has `weight` (C, D) and `bias` (C,), so that a class has a row of its own in both.
Does not know bodies.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SCALE = 30.0
"""Logits of a cosine head are within plus or minus this; Cao et al. 2019 use 30 too."""


class CosineHead(nn.Module):
    """Cosines between the embedding and a direction per class, scaled (Wang et al. 2018); LDAM needs it.

    Unlike a linear layer it cannot favour a frequent class by the length of its row. The bias is not learned; it
    is where logit adjustment puts its shift.

    :param inputs: length D of an embedding
    :param classes: number of classes C
    """

    bias: Tensor

    def __init__(self, inputs: int, classes: int) -> None:
        super().__init__()
        self.in_features, self.out_features = inputs, classes
        self.weight = nn.Parameter(nn.init.xavier_uniform_(torch.empty(classes, inputs)))
        self.register_buffer("bias", torch.zeros(classes))

    def forward(self, embeddings: Tensor) -> Tensor:
        """(B, D) -> logits (B, C)."""
        return SCALE * F.linear(F.normalize(embeddings), F.normalize(self.weight)) + self.bias
