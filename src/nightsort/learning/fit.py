"""Owns training: pictures of a training and a validation split in, a model with its history out.

Invariant: the training split alone changes weights; the validation split alone chooses the epoch and
the temperature; the same seed gives the same weights on the same processor and thread count.
Does not know the test split, or who watches.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import get_args

import torch

from nightsort.balance.plan import make_plan
from nightsort.balance.rows import Counts
from nightsort.config.training import FitParams
from nightsort.errors import DatasetError, ModelError
from nightsort.learning import predict, pretrained
from nightsort.learning.architecture import Architecture, Network
from nightsort.learning.checkpoint import Checkpoints
from nightsort.learning.classifier import Classifier
from nightsort.learning.feeds.blended import blend
from nightsort.learning.feeds.pictures import Feed, Pictures
from nightsort.learning.head import finish
from nightsort.learning.history import Epoch, kept_of
from nightsort.learning.temperature import temperature_of
from nightsort.learning.training.board import logging_to
from nightsort.learning.training.launch import train_network
from nightsort.learning.training.loop import Task, first_that_counts
from nightsort.learning.zoo import build
from nightsort.words import Classical

STATISTICS_PICTURES = 1024
"""Training pictures, evenly spread, from which the normalisation is computed."""


@dataclass(frozen=True)
class Fitted:
    """A trained model and how it came about.

    :param model: weights of the best epoch, in evaluation mode, on the processor
    :param history: one record an epoch; empty of a classical model
    :param best_epoch: 1-based; the one that was kept; 0 of a classical model
    :param before: training pictures per class, int64 (C,)
    :param after: what balancing made of them in one epoch, int64 (C,)
    :param temperature: divides the logits (Guo et al. 2017)
    :param weights_from: what training started from, for people; empty is random
    """

    model: Classifier
    architecture: Architecture
    history: list[Epoch]
    best_epoch: int
    before: Counts
    after: Counts
    temperature: float
    notes: list[str]
    weights_from: str = ""
    weights_from_sha256: str = ""


def fit(
    train: Feed,
    validation: Pictures,
    classes: list[str],
    params: FitParams,
    *,
    initial: pretrained.Initial | None = None,
    checkpoints: Checkpoints | None = None,
    on_epoch: Callable[[Epoch], None] = lambda epoch: None,
    on_step: Callable[[int, int], None] = lambda done, total: None,
) -> Fitted:
    """Train a model.

    :param classes: C names; a label is an index into them
    :param initial: weights to start from; None is random
    :param checkpoints: where the state of an unfinished training is kept, and found again; the caller clears it
    :param on_epoch: called after each epoch
    :param on_step: called after each step with steps done and steps in all
    :raises DatasetError: fewer than two classes, a class without training pictures, no validation picture
    :raises ModelError: unknown model, one that cannot take pictures of this size, or weights of another
    :raises ConfigError: what this machine or this process cannot do: compile, processes, tensorboard
    :raises TrainingError: the loss became infinite or not a number, or memory does not hold one picture
    """
    _check(train, validation, classes)
    if params.model in get_args(Classical):
        from nightsort.learning.classical.fitting import fit_classical  # it loads scikit-learn

        history: list[Epoch] = []
        architecture: Architecture
        model, architecture, before, after, notes = fit_classical(train, validation, classes, params, initial, on_step)
    else:
        model, architecture, history, before, after, notes = _fit_network(
            train, validation, classes, params, initial, checkpoints, on_epoch, on_step
        )
    return Fitted(
        model=model,
        architecture=architecture,
        history=history,
        best_epoch=kept_of(history, params.keep, first_that_counts(params)).epoch if history else 0,
        before=before,
        after=after,
        temperature=temperature_of(model, validation),
        notes=notes,
        weights_from=initial.source if initial else "",
        weights_from_sha256=initial.sha256 if initial else "",
    )


def _check(train: Feed, validation: Pictures, classes: list[str]) -> None:
    """Raise unless there is something to learn and something to choose the epoch by."""
    if len(classes) < 2:
        raise DatasetError(f"training needs at least two classes, got {len(classes)}: {', '.join(classes) or 'none'}")
    if not len(validation):
        raise DatasetError(
            f"validation split: no picture ({len(train)} in training); ingest more pictures or raise 'validation'"
        )


def _fit_network(
    train: Feed,
    validation: Pictures,
    classes: list[str],
    params: FitParams,
    initial: pretrained.Initial | None,
    checkpoints: Checkpoints | None,
    on_epoch: Callable[[Epoch], None],
    on_step: Callable[[int, int], None],
) -> tuple[Classifier, Network, list[Epoch], Counts, Counts, list[str]]:
    """The model, its architecture, its epochs, pictures per class before and after balancing, notes."""
    plan = make_plan(params.balance, train.labels, classes)
    network = Network(name=params.model, head="cosine" if params.balance == "ldam_drw" else "linear")
    model, notes = _begin(network, train, classes, params, initial)
    task = Task(model, blend(plan, train, params.seed), validation, plan, params)
    with logging_to(params, checkpoints, on_epoch) as log:
        history, more = train_network(task, checkpoints, log, on_step)
    finished = finish(model, train, validation, classes, plan, params.seed)
    return model, network, history, plan.before, plan.after, [*plan.notes, *notes, *more, *finished]


def _begin(
    network: Network, train: Feed, classes: list[str], params: FitParams, initial: pretrained.Initial | None
) -> tuple[Classifier, list[str]]:
    """The network with the weights it starts from, normalising by the training split, proved to take its pictures."""
    sample = train.sample(STATISTICS_PICTURES).images
    with torch.random.fork_rng(devices=[]):  # layers draw their weights from the global generator
        torch.manual_seed(params.seed)
        model = build(network, len(classes))
        model.adapt(predict.batch(sample))
    notes = pretrained.begin(model, initial, classes) if initial else []
    try:
        predict.logits(model, sample[:2])
    except Exception as error:  # torch and torchvision raise anything here, assertions too
        first = str(error).partition("\n")[0]
        raise ModelError(
            f"model: {network.name} cannot take pictures of {train.side} x {train.side} px ({first}); "
            "choose another image_size"
        ) from error
    return model, notes
