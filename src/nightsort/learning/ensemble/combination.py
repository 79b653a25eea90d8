"""Owns the combination of published models into one.

Invariant: the models agree in classes, picture size and preprocessing; whatever is chosen, is by the validation split.
Does not know storage or what becomes of the result.
"""

from copy import deepcopy
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from nightsort.errors import ModelError
from nightsort.learning import predict
from nightsort.learning.architecture import Architecture, Ensemble, Network
from nightsort.learning.bundle import Bundle
from nightsort.learning.classifier import Classifier
from nightsort.learning.ensemble.members import assemble
from nightsort.learning.ensemble.soup import greedy_soup
from nightsort.learning.ensemble.weighing import weigh
from nightsort.learning.feeds.pictures import Pictures
from nightsort.learning.validation import macro_f1, validate
from nightsort.words import Combine

Combined = tuple[Classifier, Architecture, list[str]]


def combine(bundles: list[Bundle], validation: Pictures, how: Combine) -> Combined:
    """One model of several: an ensemble, or for `soup` a network whose weights are a mean.

    :param bundles: at least one; ensembles may be among them, but not for a soup. An ensemble shares their networks
    :param validation: at least one picture; labels are class ids of the bundles
    :returns: the model in evaluation mode, its temperature still to be found; its architecture; notes for the report
    :raises ModelError: the models do not go together; the message names two of them and what differs
    """
    _check(bundles)
    answers = [predict.probabilities(one.network, validation.images, one.card.temperature) for one in bundles]
    merits = [macro_f1(validation.labels, answer.argmax(1)) for answer in answers]
    if how == "soup":
        model, architecture, note = _soup(bundles, validation, merits)
    else:
        weights = weigh(np.stack(answers), validation.labels) if how == "weighted" else None
        model, architecture, note = _ensemble(bundles, how, weights)
    model.eval().to(memory_format=torch.channels_last)
    best = int(np.argmax(merits))
    reached = validate(model, validation).macro_f1
    compared = f"of its best member, model {bundles[best].card.version}, {merits[best]:.3f}"
    return model, architecture, [note, f"{how}: validation macro-F1 {reached:.3f}; {compared}"]


def _ensemble(
    bundles: list[Bundle], how: Literal["vote", "mean", "weighted"], weights: NDArray[np.float32] | None
) -> tuple[Classifier, Architecture, str]:
    """The members side by side; those of no weight are left out."""
    shares = [1 / len(bundles)] * len(bundles) if weights is None else weights.tolist()
    kept = [i for i, share in enumerate(shares) if share]
    model = assemble(how, [bundles[i].network for i in kept])
    temperatures = torch.tensor([bundles[i].card.temperature for i in kept])
    found = {"body.temperatures": temperatures, "head.weights": torch.tensor([shares[i] for i in kept])}
    model.load_state_dict(found, strict=False)
    named = ", ".join(f"model {bundles[i].card.version} {shares[i]:.2f}" for i in kept)
    note = f"{how}: {named}{_left_out(bundles, kept)}"
    return model, Ensemble(combine=how, members=[bundles[i].card.architecture for i in kept]), note


def _soup(bundles: list[Bundle], validation: Pictures, merits: list[float]) -> tuple[Classifier, Architecture, str]:
    first = bundles[0].card
    for one in bundles:
        if not isinstance(one.card.architecture, Network):
            raise ModelError(
                f"combine: model {one.card.version} ({one.card.model}) is no network; a soup needs networks"
            )
        if one.card.architecture != first.architecture:
            raise _differ(first.version, one.card.version, "architecture", first.model, one.card.model)
    soup = deepcopy(bundles[0].network)
    states = [one.network.state_dict() for one in bundles]
    joined = greedy_soup(soup, states, merits, lambda model: validate(model, validation).macro_f1)
    names = ", ".join(str(bundles[i].card.version) for i in joined)
    note = f"soup: mean of the weights of models {names}" if len(joined) > 1 else f"soup: model {names} alone"
    return soup, first.architecture, note + _left_out(bundles, joined)


def _left_out(bundles: list[Bundle], kept: list[int]) -> str:
    left = ", ".join(str(one.card.version) for i, one in enumerate(bundles) if i not in kept)
    return f"; left out, because it would not help: {left}" if left else ""


def _check(bundles: list[Bundle]) -> None:
    """Raise unless all see the same of a picture and answer with the same classes."""
    first = bundles[0].card
    for other in (one.card for one in bundles[1:]):
        for what in ("classes", "image_size", "preprocessing"):
            mine, theirs = getattr(first, what), getattr(other, what)
            if mine != theirs:
                raise _differ(first.version, other.version, what, mine, theirs)


def _differ(first: int, other: int, what: str, mine: object, theirs: object) -> ModelError:
    return ModelError(
        f"combine: models {first} and {other} differ in {what}: {_short(mine)} and {_short(theirs)}; "
        "train them alike, or leave one out"
    )


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 80 else f"{text[:80]}..."
