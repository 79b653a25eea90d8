"""Owns the way from torchvision's names of weights to ours.

Invariant: a body's parts keep torchvision's names after `body.`; what is left of a network is its head.
Does not know where weights come from.
"""

import re
from collections.abc import Mapping, Set

from torch import Tensor

AUXILIARY = ("AuxLogits.", "aux1.", "aux2.")
"""Heads of Inception and GoogLeNet that help to train them and answer nothing."""

# DenseNet's published weights are older than its names.
_DENSE = re.compile(r"(denselayer\d+\.(?:norm|conv))\.([12]\.)")


def is_ours(state: Mapping[str, Tensor]) -> bool:
    """Whether weights have the names of a bundle."""
    return any(name.startswith("body.") for name in state)


def ours(state: Mapping[str, Tensor], body: Set[str]) -> dict[str, Tensor]:
    """Torchvision's weights by our names: `body.` and its name there, or `head.weight` and `head.bias`.

    :param body: names that the body has; two that it has not, one ending in weight and one in bias, are the head
    """
    tensors = {_DENSE.sub(r"\1\2", name): tensor for name, tensor in state.items() if not name.startswith(AUXILIARY)}
    left = sorted(tensors.keys() - body)
    heads = {name.rpartition(".")[0] for name in left}
    if len(heads) == 1 and [name.rpartition(".")[2] for name in left] == ["bias", "weight"]:
        return {
            (f"head.{name.rpartition('.')[2]}" if name in left else f"body.{name}"): t for name, t in tensors.items()
        }
    return {f"body.{name}": tensor for name, tensor in tensors.items()}
