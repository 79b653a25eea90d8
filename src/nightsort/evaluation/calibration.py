"""Owns the measure of honest confidence. Invariant: 0 is perfect. Does not know how a model is calibrated."""

import numpy as np
from numpy.typing import NDArray

BINS = 15


def calibration_error(probabilities: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """Expected calibration error over equal-width bins of confidence (Guo et al. 2017), 0 to 1.

    :param probabilities: float32 (N, C), rows summing to 1
    :param labels: class ids, int64 (N,)
    """
    confidence = probabilities.max(1).astype(np.float64)
    gap = (probabilities.argmax(1) == labels) - confidence
    # Bins are open on the left, so a confidence of exactly 1 falls into the last.
    bins = np.ceil(confidence * BINS).astype(int).clip(1, BINS) - 1
    return float(np.abs(np.bincount(bins, weights=gap, minlength=BINS)).sum() / len(labels))
