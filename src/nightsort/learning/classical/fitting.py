"""Owns the training of a classical model: pictures in, a model of learned arrays out.

Invariant: the training split alone is learned from, the validation split alone chooses between settings; equal
arguments give equal arrays. Does not know storage, the test split, or the temperature.
"""

from collections.abc import Callable
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits
from torch import nn

from nightsort.balance.on_features import resample
from nightsort.balance.plan import make_plan
from nightsort.balance.rows import Counts
from nightsort.config.training import FitParams
from nightsort.errors import ModelError
from nightsort.learning import predict
from nightsort.learning.architecture import Network, OnFeatures
from nightsort.learning.classical.assembly import describe, join, part
from nightsort.learning.classical.choice import SETTINGS, choose
from nightsort.learning.classical.estimators import Rows
from nightsort.learning.classical.features import Embedding, Features
from nightsort.learning.classical.vocabulary import PICTURES, learn_words
from nightsort.learning.classifier import Classifier
from nightsort.learning.feeds.pictures import Feed, Images, Pictures, each
from nightsort.learning.networks import named
from nightsort.learning.pretrained import Initial, begin
from nightsort.words import Classical, Feature

Values = NDArray[np.float32]
OnStep = Callable[[int, int], None]

BATCH = 32  # of 96 px: twice as fast a picture as 128, whose intermediate values leave the cache
LARGE = 2**30  # bytes of features from which on a note says so


def fit_classical(
    train: Feed,
    validation: Pictures,
    classes: list[str],
    params: FitParams,
    initial: Initial | None = None,
    on_step: OnStep = lambda done, total: None,
) -> tuple[Classifier, OnFeatures, Counts, Counts, list[str]]:
    """Train the classical model that params.model names.

    All features are held in memory, and three times as much for a moment: with hog and colour 1 GiB at 139,000
    pictures.

    :param initial: weights of the network params.embedder, for the feature embedding; others need none
    :param on_step: called with batches and fits done, and in all
    :returns: the model in evaluation mode, its architecture, pictures per class before balancing and after it,
        notes
    :raises ModelError: the feature embedding without weights; pictures that the embedder cannot take
    :raises DatasetError: a class without a training picture
    """
    name = cast(Classical, params.model)
    plan = make_plan(params.balance, train.labels, classes)
    step = _Steps(on_step, -(-len(train) // BATCH) - (-len(validation) // BATCH) + len(SETTINGS[name]))
    body, notes = _body(train, params, initial, classes)
    features = _standardised(body, train, step)
    seen = _computed(body, validation, step)
    if features.nbytes > LARGE:
        notes.append(f"features: {features.shape[1]} of {len(train)} pictures take {features.nbytes / LARGE:.1f} GiB")
    rows, labels, weights, resampled = resample(features, train.labels, plan, params.seed)
    # A layer draws weights before it gets its own. Threads of BLAS that wait for each other on a busy processor made
    # a logistic regression 50 times as slow.
    with torch.random.fork_rng(devices=[]), threadpool_limits(1):
        head, chosen = choose(name, Rows(rows, labels, weights), seen, validation.labels, params.seed, step)
    model = join(body, head)
    embedder = Network(name=params.embedder) if "embedding" in params.features else None
    after = np.bincount(labels, weights, minlength=len(classes)).round().astype(np.int64)
    notes = [*plan.notes, *notes, *resampled, chosen]
    return model, describe(name, params.features, embedder, model), plan.before, after, notes


class _Steps:
    """Counts what is done."""

    def __init__(self, on_step: OnStep, total: int) -> None:
        self.on_step, self.total, self.done = on_step, total, 0

    def __call__(self) -> None:
        self.done += 1
        self.on_step(self.done, self.total)


def _body(train: Feed, params: FitParams, initial: Initial | None, classes: list[str]) -> tuple[Features, list[str]]:
    """The features asked for, not standardised yet, with notes."""
    notes: list[str] = []
    if initial is not None and "embedding" not in params.features:
        notes.append(f"weights: {initial.source} is not used; of a classical model only the feature embedding has any")

    def made(name: Feature) -> nn.Module:
        if name == "embedding":
            embedding, said = _embedding(params.embedder, initial, train, classes)
            notes.extend(said)
            return embedding
        return part(name, learn_words(train.sample(PICTURES), params.seed) if name == "sift" else None, None)

    parts = [made(name) for name in params.features]
    return Features(parts, torch.zeros(0), torch.ones(0)).eval(), notes


def _embedding(name: str, initial: Initial | None, train: Feed, classes: list[str]) -> tuple[Embedding, list[str]]:
    """The network with its weights, proved to take the pictures."""
    if initial is None:
        raise ModelError(
            f"features: 'embedding' is what {name} makes of a picture, which says nothing with random weights; "
            "give weights: imagenet, champion, or a file.safetensors"
        )
    with torch.random.fork_rng(devices=[]):
        network = named.build(Network(name=name), len(classes))
    notes = begin(network, initial, classes)
    embedding = Embedding(network).eval()
    try:
        with torch.inference_mode():
            embedding(predict.batch(train.sample(2).images).float())
    except Exception as error:  # torch and torchvision raise anything here, assertions too
        first = str(error).partition("\n")[0]
        side = f"{train.side} x {train.side} px"
        raise ModelError(
            f"embedder: {name} cannot take pictures of {side} ({first}); choose another image_size"
        ) from error
    return embedding, notes


def _standardised(body: Features, train: Feed, step: Callable[[], None]) -> Values:
    """Features of the training split, float32 (N, D), after the body has learned to standardise them."""
    values = _computed(body.raw, train, step)
    mean, std = (torch.from_numpy(of(values, axis=0, dtype=np.float64)).float() for of in (np.mean, np.std))
    body.standardise_by(mean, std)
    values -= body.mean.numpy()
    values /= body.std.numpy()
    return values


def _computed(function: Callable[[torch.Tensor], torch.Tensor], feed: Feed, step: Callable[[], None]) -> Values:
    def batch(images: Images) -> Values:
        with torch.inference_mode():
            values: Values = function(predict.batch(images).float()).numpy()
        step()
        return values

    return each(feed, batch, BATCH)
