"""Owns what concludes classes from features: kernels and trees as arrays in torch.

Invariant: everything learned is a buffer, so that it travels with the weights; each answers as the
scikit-learn model that it was taken from, to float32. Does not know how it was learned.
"""

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Arrays = dict[str, torch.dtype]


class Kernel(nn.Module):
    """Support vector machines with a Gaussian kernel, one against the rest, on a linear projection of the features."""

    ARRAYS: ClassVar[Arrays] = dict.fromkeys(("projection", "vectors", "coefficients", "bias", "gamma"), torch.float32)

    projection: Tensor
    vectors: Tensor
    coefficients: Tensor
    bias: Tensor
    gamma: Tensor

    def __init__(self, arrays: dict[str, Tensor]) -> None:
        """:param arrays: projection (D, P), vectors (V, P), coefficients (V, C), bias (C,), gamma ()"""
        super().__init__()
        _register(self, arrays, self.ARRAYS)

    def forward(self, features: Tensor) -> Tensor:
        """(B, D) -> logits (B, C): distances from the planes, in units of the margin."""
        points = features @ self.projection
        lengths = (points * points).sum(1, keepdim=True) + (self.vectors * self.vectors).sum(1)
        apart = torch.relu(lengths - 2 * points @ self.vectors.T)
        return torch.exp(-self.gamma * apart) @ self.coefficients + self.bias


class Trees(nn.Module):
    """Decision trees, walked all at once: as many steps down as the deepest has, leaves lead to themselves.

    A tree's nodes are a row of each array, padded with zeros; scikit-learn compares float32 features with float64
    thresholds, so thresholds are rounded down, by which every comparison keeps its outcome.
    """

    ARRAYS: ClassVar[Arrays] = {
        "feature": torch.int32,
        "threshold": torch.float32,
        "left": torch.int32,
        "right": torch.int32,
        "value": torch.float32,
        "depth": torch.int32,
    }

    feature: Tensor
    threshold: Tensor
    left: Tensor
    right: Tensor
    value: Tensor
    depth: Tensor

    def __init__(self, arrays: dict[str, Tensor]) -> None:
        """:param arrays: of T trees with N nodes at most: (T, N) each, value (T, N, V), depth ()"""
        super().__init__()
        _register(self, arrays, self.ARRAYS)

    def leaves(self, features: Tensor) -> Tensor:
        """(B, D) -> the value of the leaf that each tree leads to, (B, T, V)."""
        trees, nodes = self.feature.shape
        first = torch.arange(trees, device=features.device) * nodes
        at = first + 0 * features[:, :1].long()  # of the batch's length, which expand would write into a traced model
        for _ in range(int(self.depth)):
            seen = features.gather(1, _take(self.feature, at).long())
            down = torch.where(seen <= _take(self.threshold, at), _take(self.left, at), _take(self.right, at))
            at = first + down
        return F.embedding(at, self.value.flatten(0, 1))


def _take(table: Tensor, at: Tensor) -> Tensor:
    """Entries of a flattened table, of the shape of `at`."""
    return table.flatten()[at]


class Averaged(Trees):
    """A tree or a forest: the logarithm of the mean class shares of its leaves; value is (T, N, C)."""

    LEAST = 1e-3
    """A class that no leaf has seen keeps this much, so that its logarithm is finite."""

    def forward(self, features: Tensor) -> Tensor:
        """(B, D) -> logits (B, C)."""
        return torch.log(self.leaves(features).mean(1).clamp(min=self.LEAST))


class Boosted(Trees):
    """Gradient boosting: the sum over rounds of one tree a class; value is (T, N, 1), T = rounds * C, rounds first."""

    ARRAYS: ClassVar[Arrays] = Trees.ARRAYS | {"bias": torch.float32}

    bias: Tensor

    def forward(self, features: Tensor) -> Tensor:
        """(B, D) -> logits (B, C)."""
        rounds, classes = len(self.feature) // len(self.bias), len(self.bias)
        return self.leaves(features).view(-1, rounds, classes).sum(1) + self.bias


def _register(module: nn.Module, arrays: dict[str, Tensor], wanted: Arrays) -> None:
    """Make every array a buffer of its kind of number."""
    for name, kind in wanted.items():
        module.register_buffer(name, arrays[name].to(kind))
