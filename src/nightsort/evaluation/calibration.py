"""Owns the measure of honest confidence. Invariant: 0 is perfect. Does not know how a model is calibrated."""

import numpy as np
from numpy.typing import NDArray

from nightsort.evaluation.scores import Bin

BINS = 15


def reliability(probabilities: NDArray[np.float32], labels: NDArray[np.int64]) -> list[Bin]:
    """Confidence against accuracy in BINS equal-width bins (DeGroot and Fienberg 1983).

    :param probabilities: float32 (N, C), rows summing to 1
    :param labels: class ids, int64 (N,)
    """
    confidence = probabilities.max(1).astype(np.float64)
    right = probabilities.argmax(1) == labels
    # Bins are open on the left, so a confidence of exactly 1 falls into the last.
    bins = np.ceil(confidence * BINS).astype(int).clip(1, BINS) - 1
    pictures, sure, hit = (np.bincount(bins, weights, BINS) for weights in (None, confidence, right))
    filled = np.maximum(pictures, 1)
    return [
        Bin(low=i / BINS, high=(i + 1) / BINS, pictures=int(n), confidence=float(mean), accuracy=float(accuracy))
        for i, (n, mean, accuracy) in enumerate(zip(pictures, sure / filled, hit / filled, strict=True))
    ]


def calibration_error(probabilities: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """Expected calibration error, 0 to 1 (Guo et al. 2017): the gap in each bin of :func:`reliability`, weighted.

    :param probabilities: float32 (N, C), rows summing to 1
    :param labels: class ids, int64 (N,)
    """
    bins = reliability(probabilities, labels)
    return sum(bin.pictures * abs(bin.accuracy - bin.confidence) for bin in bins) / len(labels)
