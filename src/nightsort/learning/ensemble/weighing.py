"""Owns the weights of an ensemble's members, found on the validation split.

Invariant: weights are at least 0 and sum to 1, and the same answers give the same weights.
Does not know networks.
"""

import numpy as np
from numpy.typing import NDArray

from nightsort.learning.validation import macro_f1

_ROUNDS = 20  # voices that are given out


def weigh(probabilities: NDArray[np.float32], labels: NDArray[np.int64]) -> NDArray[np.float32]:
    """Greedy ensemble selection with replacement (Caruana et al. 2004), by macro-F1, at a tie by log loss.

    Every round gives one more voice to the member that helps most; the weights are those of the best round.

    :param probabilities: calibrated, (M, N, C), N at least 1
    :param labels: (N,)
    :returns: (M,)
    """
    voices = np.zeros(len(probabilities), np.int64)
    total = np.zeros(probabilities.shape[1:], np.float64)
    best: tuple[tuple[float, float], NDArray[np.int64]] | None = None
    for count in range(1, _ROUNDS + 1):
        scores = [_score((total + member) / count, labels) for member in probabilities]
        chosen = max(range(len(scores)), key=scores.__getitem__)
        voices[chosen] += 1
        total += probabilities[chosen]
        if best is None or scores[chosen] > best[0]:
            best = scores[chosen], voices.copy()
    assert best is not None
    return np.asarray(best[1] / best[1].sum(), np.float32)


def _score(probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> tuple[float, float]:
    """The higher the better: macro-F1, then mean log-likelihood."""
    likelihood = np.log(np.maximum(probabilities[np.arange(len(labels)), labels], 1e-12)).mean()
    return round(macro_f1(labels, probabilities.argmax(1)), 9), float(likelihood)
