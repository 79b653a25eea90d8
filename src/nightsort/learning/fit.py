"""Owns training: pictures of a training and a validation split in, a network with its history out.

Invariant: the training split alone changes weights; the validation split alone chooses the epoch and
the temperature; the same seed gives the same weights on the same processor and thread count.
Does not know storage, the test split, or who watches.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from nightsort.balance.plan import make_plan
from nightsort.config.training import TrainParams
from nightsort.errors import DatasetError, ModelError
from nightsort.learning import predict
from nightsort.learning.head import retrain_head
from nightsort.learning.history import Epoch
from nightsort.learning.loop import Loop, merit
from nightsort.learning.pictures import Pictures
from nightsort.learning.temperature import fit_temperature
from nightsort.learning.zoo import Classifier, build

STATISTICS_PICTURES = 1024
"""Training pictures, evenly spread, from which the normalisation is computed."""


@dataclass(frozen=True)
class Fitted:
    """A trained network and how it came about.

    :param model: weights of the best epoch, in evaluation mode
    :param best_epoch: 1-based; highest macro-F1 on validation, at a tie the lower loss
    :param before: training pictures per class, int64 (C,)
    :param after: what balancing made of them in one epoch, int64 (C,)
    :param temperature: divides the logits (Guo et al. 2017)
    """

    model: Classifier
    history: list[Epoch]
    best_epoch: int
    before: NDArray[np.int64]
    after: NDArray[np.int64]
    temperature: float
    notes: list[str]


def fit(
    train: Pictures,
    validation: Pictures,
    classes: list[str],
    params: TrainParams,
    on_epoch: Callable[[Epoch], None] = lambda epoch: None,
    on_step: Callable[[int, int], None] = lambda done, total: None,
) -> Fitted:
    """Train a network from random weights.

    :param classes: C names; a label is an index into them
    :param on_epoch: called after each epoch
    :param on_step: called after each step with steps done and steps in all
    :raises DatasetError: fewer than two classes, a class without training pictures, no validation picture
    :raises ModelError: unknown network, or one that cannot take pictures of this size
    :raises TrainingError: the loss became infinite or not a number
    """
    _check(train, validation, classes)
    plan = make_plan(params.balance, train.labels, classes, params.seed)
    with torch.random.fork_rng(devices=[]):  # layers, dropout and mixup draw from the global generator
        torch.manual_seed(params.seed)
        model = _network(params.model, len(classes), train)
        history = Loop(model, train, validation, plan, params).run(on_epoch, on_step)
    notes = retrain_head(model, train, validation, classes, plan, params.seed) if plan.strategy == "smote" else []
    best = max(history, key=merit)
    temperature = fit_temperature(predict.logits(model, validation.images), torch.from_numpy(validation.labels))
    return Fitted(model, history, best.epoch, plan.before, plan.after, temperature, notes)


def _check(train: Pictures, validation: Pictures, classes: list[str]) -> None:
    """Raise unless there is something to learn and something to choose the epoch by."""
    if len(classes) < 2:
        raise DatasetError(f"training needs at least two classes, got {len(classes)}: {', '.join(classes) or 'none'}")
    if not len(validation):
        raise DatasetError(
            f"validation split: no picture ({len(train)} in training); ingest more pictures or raise 'validation'"
        )


def _network(name: str, classes: int, train: Pictures) -> Classifier:
    """The network with random weights, normalising by the training split, proved to take its pictures."""
    model = build(name, classes)
    sample = train.images[:: max(1, len(train) // STATISTICS_PICTURES)]
    pixels = predict.batch(sample).float()
    model.normalise_by(pixels.mean((0, 2, 3)), pixels.std((0, 2, 3)))
    try:
        predict.logits(model, train.images[:2])
    except Exception as error:  # torch and torchvision raise anything here, assertions too
        first = str(error).partition("\n")[0]
        raise ModelError(
            f"model: {name} cannot take pictures of {train.side} x {train.side} px ({first}); choose another image_size"
        ) from error
    return model.to(memory_format=torch.channels_last)
