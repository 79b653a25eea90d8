"""Owns the measurement of a model's robustness: which pictures, which distortions, in which order.

Invariant: the same model, pictures and seed give the same figures; one batch of pictures is in memory at a time.
Does not know how a picture is distorted.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nightsort.evaluation.agreement import stratified
from nightsort.evaluation.robustness import attack, corruptions, occlusion
from nightsort.evaluation.robustness.strength import SEVERITIES
from nightsort.evaluation.scores import Corruption, Robustness
from nightsort.learning.classifier import Classifier
from nightsort.learning.feeds.pictures import Images, Pictures, Rows
from nightsort.learning.predict import batch

MAX_PICTURES = 500
"""Test pictures that are looked at, at most: rare classes whole, frequent ones in part."""

_OWN = (
    "robustness: severities of pictures between 32 and 224 pixels lie between those of CIFAR-10-C and ImageNet-C; "
    "frost is drawn, not photographed, and elastic, glass blur and the weakest defocus have strengths of their own: "
    "compare with models measured here, not with published figures"
)

_BATCH = 64  # pictures at a time, at most
_PIXELS = 2**22  # at a time, at most: 48 MB as float32

Distorted = Callable[[Images, Rows], Tensor]
"""Pictures uint8 (B, S, S, 3) and class ids (B,) to what the model is shown, (B, 3, S, S) in 0..255."""


@dataclass(frozen=True)
class _Distortion:
    """One row of the table; `begin` starts its random numbers anew for each strength."""

    name: str
    strengths: list[str]
    begin: Callable[[int], Distorted]  # of the position in strengths


def measure(model: Classifier, test: Pictures, seed: int, on_progress: Callable[[int, int], None]) -> Robustness:
    """Accuracy under 15 corruptions at 5 severities, occlusion, and two attacks.

    It is accuracy at the natural prior: in the sample each picture counts for as many as it stands for.
    The random numbers of a row are the same at each of its strengths, so that the strength alone makes the difference.

    :param on_progress: told the strengths that are done and how many there are, from 0 on
    :returns: without attacks on a model that has no gradient, and a note that says so
    """
    rows, weights = stratified(test.labels, MAX_PICTURES)
    if not len(rows):
        nothing = ["robustness: the test split holds no picture"]
        return Robustness(pictures=0, of=0, clean_accuracy=0, mean_corruption_accuracy=0, rows=[], notes=nothing)
    model.eval()
    accuracy = partial(_accuracy, model, test, rows, weights)
    distortions = [*_corruptions(seed), _occlusion(seed)]
    obstacle = _obstacle(model, test, rows)
    if not obstacle:
        distortions += _attacks(model, seed)
    clean, measured = accuracy(lambda images, _: batch(images)), []
    total = sum(len(distortion.strengths) for distortion in distortions)
    on_progress(done := 0, total)
    for distortion in distortions:
        found = []
        for position in range(len(distortion.strengths)):
            found.append(accuracy(distortion.begin(position)))
            on_progress(done := done + 1, total)
        measured.append(Corruption(name=distortion.name, strengths=distortion.strengths, accuracy=found))
    return Robustness(
        pictures=len(rows),
        of=len(test),
        clean_accuracy=clean,
        mean_corruption_accuracy=float(np.mean([row.accuracy for row in measured[: len(corruptions.NAMES)]])),
        rows=measured,
        notes=[_OWN, *([f"robustness: no attacks: {obstacle}"] if obstacle else [])],
    )


def _accuracy(model: Classifier, test: Pictures, rows: Rows, weights: NDArray[np.float64], shown: Distorted) -> float:
    right = []
    for part, images in _batches(test, rows):
        changed = shown(images, test.labels[part]).to(model.mean.device)
        with torch.inference_mode():
            right.append(model(changed).argmax(1).cpu().numpy() == test.labels[part])
    return float(np.average(np.concatenate(right), weights=weights))


def _batches(test: Pictures, rows: Rows) -> Iterator[tuple[Rows, Images]]:
    return test.batches(rows, max(1, min(_BATCH, _PIXELS // test.side**2)))


def _corruptions(seed: int) -> list[_Distortion]:
    def begin(number: int, name: str, position: int) -> Distorted:
        generator = np.random.default_rng([seed, number])
        severity = SEVERITIES[position]
        return lambda images, _: batch(np.stack([corruptions.corrupt(name, x, severity, generator) for x in images]))

    words = [str(severity) for severity in SEVERITIES]
    return [_Distortion(name, words, partial(begin, i, name)) for i, name in enumerate(corruptions.NAMES)]


def _occlusion(seed: int) -> _Distortion:
    def begin(position: int) -> Distorted:
        generator = np.random.default_rng([seed, len(corruptions.NAMES)])
        share = occlusion.SHARES[position]
        return lambda images, _: batch(np.stack([occlusion.occlude(x, share, generator) for x in images]))

    return _Distortion("occlusion", [f"{share:.0%}" for share in occlusion.SHARES], begin)


def _attacks(model: Classifier, seed: int) -> list[_Distortion]:
    def begin(name: str, position: int) -> Distorted:
        generator = torch.Generator().manual_seed(seed)
        epsilon = attack.EPSILONS[position]
        return lambda images, labels: attack.attack(model, *_tensors(model, images, labels), name, epsilon, generator)

    words = [f"{epsilon}/255" for epsilon in attack.EPSILONS]
    return [_Distortion(name, words, partial(begin, name)) for name in attack.NAMES]


def _obstacle(model: Classifier, test: Pictures, rows: Rows) -> str:
    part, images = next(_batches(test, rows))
    return attack.obstacle(model, *_tensors(model, images, test.labels[part]))


def _tensors(model: Classifier, images: Images, labels: Rows) -> tuple[Tensor, Tensor]:
    return batch(images).to(model.mean.device), torch.from_numpy(labels).to(model.mean.device)
