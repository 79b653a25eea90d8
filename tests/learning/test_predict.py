"""The forward pass over many pictures, with little memory too."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from nightsort.learning.classifier import Classifier
from nightsort.learning.predict import embeddings, logits

IMAGES = np.random.default_rng(0).integers(0, 255, (21, 8, 8, 3), dtype=np.uint8)


class Body(nn.Module):
    """Means of the channels; raises as the allocator does for more pictures than it has memory for."""

    def __init__(self, holds: int) -> None:
        super().__init__()
        self.holds = holds

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, S, S) -> (B, 3)."""
        if len(x) > self.holds:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return x.mean((2, 3))


def test_fewer_pictures_at_a_time_where_memory_does_not_suffice() -> None:
    head = nn.Linear(3, 2)
    little, much = Classifier(Body(5), head), Classifier(Body(100), head)
    assert torch.allclose(logits(little, IMAGES, 16), logits(much, IMAGES, 16))
    assert torch.equal(embeddings(little, IMAGES), embeddings(much, IMAGES))
    with pytest.raises(torch.OutOfMemoryError):
        logits(Classifier(Body(0), head), IMAGES, 16)
