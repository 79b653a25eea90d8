"""Owns the factors by which a class counts in the loss.

Invariant: the mean factor of the pictures of the split is 1, so that a learning rate means the same.
Does not know the loss.
"""

import numpy as np
from numpy.typing import NDArray

BETA = 0.9999
"""Of the effective number, as for long-tailed CIFAR in Cui et al. 2019 and Cao et al. 2019."""


def even(before: NDArray[np.int64]) -> NDArray[np.float32]:
    """1 for each class, float32 (C,)."""
    return np.ones(len(before), np.float32)


def inverse_frequency(before: NDArray[np.int64]) -> NDArray[np.float32]:
    """N / (C n_c), float32 (C,) (King and Zeng 2001; scikit-learn's "balanced").

    :param before: pictures per class, int64 (C,), all above 0
    """
    return _normalised(1 / before, before)


def effective_number(before: NDArray[np.int64]) -> NDArray[np.float32]:
    """One over the effective number of pictures, (1 - beta^n) / (1 - beta), float32 (C,) (Cui et al. 2019).

    :param before: pictures per class, int64 (C,), all above 0
    """
    return _normalised(1 / -np.expm1(before * np.log(BETA)), before)


def _normalised(weights: NDArray[np.float64], before: NDArray[np.int64]) -> NDArray[np.float32]:
    return np.asarray(weights * before.sum() / (weights @ before), np.float32)
