"""Owns putting a classical model together from what its card says of it.

Invariant: every array has the shape that the card records, so that weights can be read into it.
Does not know how any array is learned.
"""

import torch
from torch import Tensor, nn

from nightsort.errors import ModelError
from nightsort.learning.architecture import Network, OnFeatures
from nightsort.learning.classical.colour import Colour
from nightsort.learning.classical.features import Embedding, Features
from nightsort.learning.classical.heads import Averaged, Boosted, Kernel
from nightsort.learning.classical.hog import Hog
from nightsort.learning.classical.sift import Words
from nightsort.learning.classifier import Classifier
from nightsort.learning.networks import named
from nightsort.words import Classical, Feature

_HEADS: dict[Classical, type[Kernel | Averaged | Boosted]] = {
    "svm": Kernel,
    "decision-tree": Averaged,
    "random-forest": Averaged,
    "gradient-boosting": Boosted,
}


def build(architecture: OnFeatures, classes: int) -> Classifier:
    """A model whose arrays are zeros, to be read from a bundle; an embedding has random weights.

    :param classes: number of classes C
    :raises ModelError: a recorded shape is missing; unknown embedder
    """
    zeros = {name: torch.zeros(shape) for name, shape in architecture.shapes.items()}
    try:
        words = {i: zeros[f"body.parts.{i}.words"] for i, name in enumerate(architecture.features) if name == "sift"}
        parts = [part(name, words.get(i), architecture.embedder) for i, name in enumerate(architecture.features)]
        body = Features(parts, zeros["body.mean"], zeros["body.std"])
        return join(body, _head(architecture.name, zeros, classes))
    except KeyError as error:
        raise ModelError(f"model: {architecture.name} without the shape of {error.args[0]!r}; train it again") from None


def part(name: Feature, words: Tensor | None, embedder: Network | None) -> nn.Module:
    """One feature.

    :param words: of the feature sift, float32 (K, 128)
    :param embedder: of the feature embedding
    """
    if name == "sift" and words is not None:
        return Words(words)
    if name == "embedding" and embedder is not None:
        return Embedding(named.build(embedder, 2))
    if name in ("hog", "colour"):
        return Hog() if name == "hog" else Colour()
    raise ModelError(f"model: the feature {name!r} lacks its {'words' if name == 'sift' else 'embedder'}")


def join(body: Features, head: nn.Module) -> Classifier:
    """The model, in evaluation mode, whose body sees pixels as they are, in 0..255."""
    model = Classifier(body, head)
    model.normalise_by(torch.zeros(3), torch.ones(3))
    return model.eval()


def describe(name: Classical, features: list[Feature], embedder: Network | None, model: Classifier) -> OnFeatures:
    """The architecture of a model that was learned; the shapes of an embedding follow from its name."""
    arrays = {key: list(value.shape) for key, value in model.state_dict().items() if ".network." not in key}
    learned = {key: shape for key, shape in arrays.items() if key not in ("mean", "std")}
    return OnFeatures(name=name, features=features, embedder=embedder, shapes=learned)


def _head(name: Classical, zeros: dict[str, Tensor], classes: int) -> nn.Module:
    if name == "logistic-regression":
        return nn.Linear(len(zeros["body.mean"]), classes)
    kind = _HEADS[name]
    return kind({array: zeros[f"head.{array}"] for array in kind.ARRAYS})
