"""Owns the way from a network's name to the network: our own, then torchvision's.

Invariant: torchvision, which takes seconds to import, is imported for its own networks only.
Does not know models that are no network.
"""

from torch import nn

from nightsort.errors import ModelError
from nightsort.learning.architecture import Network
from nightsort.learning.classifier import Classifier
from nightsort.learning.networks.heads import CosineHead
from nightsort.learning.networks.resnet32 import ResNet32Body
from nightsort.learning.networks.small import SmallBody
from nightsort.learning.networks.whitened import WhitenedBody

SMALL = "small_resnet"
OURS: dict[str, type[SmallBody | ResNet32Body | WhitenedBody]] = {
    SMALL: SmallBody,
    "resnet32": ResNet32Body,
    "whitened_net": WhitenedBody,
}


def build(network: Network, classes: int) -> Classifier:
    """A network with random weights, drawn from torch's global generator.

    :param classes: number of classes C
    :raises ModelError: there is no network of this name
    """
    model = _linear(network.name, classes)
    if network.head == "cosine":
        assert isinstance(model.head, nn.Linear)
        model.head = CosineHead(model.head.in_features, classes)
    return model


def _linear(name: str, classes: int) -> Classifier:
    """The network with a head of one linear layer."""
    if (body := OURS.get(name)) is not None:
        return Classifier(body(), nn.Linear(body.outputs, classes))
    from nightsort.learning.networks import torchvision

    if name not in torchvision.names():
        raise ModelError(f"model: {name!r} is no network; networks are {', '.join(OURS)} and torchvision's")
    return torchvision.build(name, classes)
