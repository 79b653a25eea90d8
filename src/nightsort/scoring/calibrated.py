"""Owns the step from a network's logits to calibrated probabilities.

Invariant: rows sum to 1, whatever the size of the logits. Does not know classes.
"""

import numpy as np
from numpy.typing import NDArray


def probabilities(logits: NDArray[np.float32], temperature: float) -> NDArray[np.float64]:
    """Softmax of the logits over the temperature (Guo et al. 2017), float64 (N, C).

    SciPy has a softmax; importing it would take a worker a sixth of a second and 25 MB.

    :param logits: float32 (N, C), C at least 1
    """
    scaled = logits.astype(np.float64) / temperature
    powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    shares: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return shares
