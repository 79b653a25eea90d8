"""Owns the way from an architecture to a model: ours, torchvision's, classical ones, ensembles, by name.

Invariant: whatever the architecture, the result is a classifier of pictures as they are stored; equal
architectures give equal names and shapes in the state dict.
Does not know how a model is trained.
"""

from difflib import get_close_matches
from typing import assert_never, get_args

from torch import nn

from nightsort.errors import ModelError
from nightsort.learning.architecture import Architecture, Ensemble, Network, OnFeatures
from nightsort.learning.classifier import Classifier
from nightsort.learning.networks.heads import CosineHead
from nightsort.learning.networks.resnet32 import ResNet32Body
from nightsort.learning.networks.small import SmallBody
from nightsort.learning.networks.whitened import WhitenedBody
from nightsort.words import Classical

SMALL = "small_resnet"
_OURS: dict[str, type[SmallBody | ResNet32Body | WhitenedBody]] = {
    SMALL: SmallBody,
    "resnet32": ResNet32Body,
    "whitened_net": WhitenedBody,
}


def names() -> list[str]:
    """Every name that a training takes: networks and classical models."""
    from nightsort.learning.networks import torchvision  # takes seconds to import, which our own nets never need

    return [*_OURS, *get_args(Classical), *torchvision.names()]


def check_name(name: str, knob: str = "model") -> None:
    """Raise :class:`ModelError`, with names near it, unless this is one of :func:`names`.

    :param knob: that it was given as
    """
    if name in _OURS or name in names():
        return
    near = get_close_matches(name.lower(), names(), n=3, cutoff=0.5) or [SMALL, "resnet18", "logistic-regression"]
    raise ModelError(
        f"{knob}: unknown name {name!r}; near it: {', '.join(near)}; allowed are {', '.join(_OURS)}, "
        f"{', '.join(get_args(Classical))}, and torchvision's classification models"
    )


def build(architecture: Architecture, classes: int) -> Classifier:
    """A model with random weights, drawn from torch's global generator.

    :param classes: number of classes C
    :raises ModelError: unknown network
    """
    if isinstance(architecture, Network):
        return _network(architecture, classes)
    if isinstance(architecture, OnFeatures):
        from nightsort.learning.classical import assembly

        return assembly.build(architecture, classes)
    if isinstance(architecture, Ensemble):
        from nightsort.learning.ensemble.members import assemble

        return assemble(architecture.combine, [build(member, classes) for member in architecture.members])
    assert_never(architecture)


def _network(architecture: Network, classes: int) -> Classifier:
    model = _linear(architecture.name, classes)
    if architecture.head == "cosine":
        assert isinstance(model.head, nn.Linear)
        model.head = CosineHead(model.head.in_features, classes)
    return model


def _linear(name: str, classes: int) -> Classifier:
    """The network with a head of one linear layer."""
    if (body := _OURS.get(name)) is not None:
        return Classifier(body(), nn.Linear(body.outputs, classes))
    check_name(name)
    if name in get_args(Classical):
        raise ModelError(f"model: {name!r} is a classical model, not a network")
    from nightsort.learning.networks import torchvision

    return torchvision.build(name, classes)
