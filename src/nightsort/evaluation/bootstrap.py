"""Owns the bootstrap over pictures: what figures would have been on other draws of as many pictures.

Invariant: a seed gives the same draws, and a class that a draw does not hold has no part in its mean.
Does not know what the figures are used for.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from nightsort.evaluation.scores import Interval

RESAMPLES = 1000
LOW, HIGH = 0.025, 0.975
_AT_ONCE = 4_000_000  # counts in memory; thousands of classes make thousands of distinct rows

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def resampled(rows: Ints, figures: Callable[[Ints, Ints], Floats], seed: int) -> Floats:
    """Figures of the rows as they are, then of RESAMPLES draws with replacement (Efron 1979), float64 (1 + R, F).

    Drawing N rows with replacement is one multinomial draw of the counts of distinct rows.

    :param rows: int64 (N, K), N at least 1
    :param figures: counts int64 (r, U) of distinct rows, and these, int64 (U, K) -> float64 (r, F)
    """
    cells, counts = np.unique(rows, axis=0, return_counts=True)
    generator, at_once = np.random.default_rng(seed), max(1, _AT_ONCE // len(cells))
    parts = [figures(counts[None], cells)]
    for start in range(0, RESAMPLES, at_once):
        size = min(at_once, RESAMPLES - start)
        parts.append(figures(generator.multinomial(len(rows), counts / len(rows), size=size), cells))
    return np.concatenate(parts)


def macro_f1(counts: Ints, labels: Ints, predicted: Ints) -> Floats:
    """Macro-F1 of every resample, over the classes it holds, float64 (R,).

    :param counts: occurrences of each distinct row, int64 (R, U)
    :param labels: true class of each distinct row, int64 (U,)
    :param predicted: predicted class of each distinct row, int64 (U,)
    """
    support, right, named = _tallies(counts, labels, predicted)
    return _mean(2 * right / np.maximum(support + named, 1), support)


def intervals(labels: Ints, predicted: Ints, seed: int) -> dict[str, Interval]:
    """Bootstrap intervals of accuracy, balanced_accuracy and macro_f1.

    :param labels: class ids, int64 (N,), N at least 1
    :param predicted: class ids, int64 (N,)
    """

    def figures(counts: Ints, cells: Ints) -> Floats:
        true, said = cells.T
        support, right, named = _tallies(counts, true, said)
        accuracy = right.sum(1) / len(labels)
        recall, f1 = right / np.maximum(support, 1), 2 * right / np.maximum(support + named, 1)
        return np.stack((accuracy, _mean(recall, support), _mean(f1, support)), 1)

    low, high = np.quantile(resampled(np.stack((labels, predicted), 1), figures, seed)[1:], (LOW, HIGH), axis=0)
    names = ("accuracy", "balanced_accuracy", "macro_f1")
    return {name: Interval(low=float(a), high=float(b)) for name, a, b in zip(names, low, high, strict=True)}


def _tallies(counts: Ints, labels: Ints, predicted: Ints) -> tuple[Ints, Ints, Ints]:
    """Pictures of each class, those named right, and those named so, each int64 (R, C) over the classes with any."""
    from scipy.sparse import csr_array  # dense indicators of thousands of classes would take minutes

    held = np.unique(labels)
    rows = np.arange(len(labels))
    true = csr_array((np.ones_like(rows), (rows, np.searchsorted(held, labels))), (len(rows), len(held)))
    column = np.searchsorted(held, predicted).clip(max=len(held) - 1)
    known = held[column] == predicted  # a class without a picture has no mean to be in
    said = csr_array((known.astype(np.int64), (rows, column)), (len(rows), len(held)))
    hit = csr_array(((labels == predicted).astype(np.int64), (rows, column)), (len(rows), len(held)))
    support, right, named = (np.asarray(counts @ indicator) for indicator in (true, hit, said))
    return support, right, named


def _mean(figure: Floats, support: Ints) -> Floats:
    held = support > 0
    means: Floats = (figure * held).sum(1) / held.sum(1)
    return means
