"""Owns the way from an architecture to a model: ours, torchvision's, classical ones, ensembles, by name.

Invariant: whatever the architecture, the result is a classifier of pictures as they are stored; equal
architectures give equal names and shapes in the state dict.
Does not know how a model is trained.
"""

from typing import assert_never, get_args

from nightsort.errors import ModelError
from nightsort.faults import nearest
from nightsort.learning.architecture import Architecture, Ensemble, Network, OnFeatures
from nightsort.learning.classical import assembly
from nightsort.learning.classifier import Classifier
from nightsort.learning.ensemble.members import assemble
from nightsort.learning.networks import named
from nightsort.learning.networks.named import OURS, SMALL
from nightsort.words import Classical


def names() -> list[str]:
    """Every name that a training takes: networks and classical models."""
    from nightsort.learning.networks import torchvision  # takes seconds to import, which our own nets never need

    return [*OURS, *get_args(Classical), *torchvision.names()]


def check_name(name: str, knob: str = "model") -> None:
    """Raise :class:`ModelError`, with names near it, unless this is one of :func:`names`.

    :param knob: that it was given as
    """
    if name in OURS or name in names():
        return
    near = nearest(name, names(), most=3, cutoff=0.5) or [SMALL, "resnet18", "logistic-regression"]
    raise ModelError(
        f"{knob}: unknown name {name!r}; near it: {', '.join(near)}; allowed are {', '.join(OURS)}, "
        f"{', '.join(get_args(Classical))}, and torchvision's classification models"
    )


def build(architecture: Architecture, classes: int) -> Classifier:
    """A model with random weights, drawn from torch's global generator.

    :param classes: number of classes C
    :raises ModelError: unknown network
    """
    if isinstance(architecture, Network):
        check_name(architecture.name)
        return named.build(architecture, classes)
    if isinstance(architecture, OnFeatures):
        return assembly.build(architecture, classes)
    if isinstance(architecture, Ensemble):
        return assemble(architecture.combine, [build(member, classes) for member in architecture.members])
    assert_never(architecture)
