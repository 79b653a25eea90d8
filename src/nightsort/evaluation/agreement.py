"""Owns how far two sets of answers agree: a backend's with those of the reference, one model's with another's.

Invariant: all figures are at the natural prior, whatever was sampled; a class without a picture has no
part in them. Does not know what computed the answers, and decides nothing.
"""

from bisect import bisect_right
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict


class Agreement(BaseModel):
    """The drift of a picture is the largest change of the calibrated probability of any class, 0 to 1."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    agreement: float  # share of pictures with the reference's label, 0 to 1
    mean_drift: float
    max_drift: float
    recall: dict[str, float]  # of the classes that have pictures
    worst_class: str | None  # that loses most recall against the reference; None where none loses any
    worst_loss: float  # recall that it loses, 0 to 1
    worst_support: int  # its pictures


def compare(
    reference: NDArray[np.float32],
    answers: NDArray[np.float32],
    labels: NDArray[np.int64],
    weights: NDArray[np.float64],
    classes: list[str],
) -> Agreement:
    """Hold answers against the reference's, picture by picture.

    :param reference: calibrated probabilities, float32 (N, C), N at least 1
    :param answers: the same of the backend
    :param labels: true class ids, int64 (N,)
    :param weights: pictures that each stands for, float64 (N,); see :func:`stratified`
    """
    ours, theirs = reference.argmax(1), answers.argmax(1)
    drift = np.abs(answers - reference).max(1)
    support = np.bincount(labels, minlength=len(classes))
    right = [np.bincount(labels[labels == found], minlength=len(classes)) for found in (ours, theirs)]
    # In whole pictures and divided once: exactly one point in a hundred pictures is 0.01, not a little more.
    loss = (right[0] - right[1]) / np.maximum(support, 1)
    worst = int(loss.argmax())
    return Agreement(
        agreement=float(np.average(ours == theirs, weights=weights)),
        mean_drift=float(np.average(drift, weights=weights)),
        max_drift=float(drift.max()),
        recall={classes[i]: float(right[1][i] / support[i]) for i in np.flatnonzero(support)},
        worst_class=classes[worst] if loss[worst] > 0 else None,
        worst_loss=max(0.0, float(loss[worst])),
        worst_support=int(support[worst]) if loss[worst] > 0 else 0,
    )


def stratified(labels: NDArray[np.int64], limit: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """A sample in which rare classes are whole and frequent ones have equally many pictures, always the same.

    :param labels: class ids, int64 (N,)
    :param limit: pictures to take, at most; but one of each class
    :returns: rows in their order, int64 (n,), and how many pictures each stands for, float64 (n,)
    """
    counts = np.bincount(labels)
    quota = max(1, bisect_right(range(1, len(labels) + 1), limit, key=lambda most: np.minimum(counts, most).sum()))
    shuffled = np.random.default_rng(0).permutation(len(labels))
    taken = [shuffled[labels[shuffled] == label][:quota] for label in np.flatnonzero(counts)]
    rows = np.sort(np.concatenate(taken)) if taken else np.empty(0, np.int64)
    return rows, (counts / np.clip(counts, 1, quota))[labels[rows]]


def kappa(pairs: Mapping[tuple[str, str], int]) -> float | None:
    """Agreement beyond chance, at most 1 (Cohen 1960); None where both only ever say the same one thing.

    :param pairs: (answer of the first, of the second) -> pictures
    """
    from sklearn.metrics import cohen_kappa_score

    if len({label for pair in pairs for label in pair}) < 2:
        return None
    first, second = zip(*pairs, strict=True)
    return float(cohen_kappa_score(first, second, sample_weight=list(pairs.values())))
