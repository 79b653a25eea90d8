"""Owns how strong a distortion of a given severity is on a picture of a given size.

Invariant: at a side of 32 pixels it is that of CIFAR-10-C, at 224 that of ImageNet-C. Does not know what is distorted.
"""

import math

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float32]
"""A picture while it is distorted: float32 (S, S, 3), nominally 0 to 1."""

SEVERITIES = (1, 2, 3, 4, 5)

_SMALL, _LARGE = 32, 224  # sides in pixels of the pictures that the two benchmarks were made of


def between(side: int, small: float, large: float) -> float:
    """The constant for pictures of this side, by a power of the side; beyond the two benchmarks it stays.

    Hendrycks and Dietterich (2019) give two sets of constants and no rule for what lies between them: a blur that
    leaves a photograph readable would wipe out a picture of 32 pixels.

    :param side: height and width in pixels
    :param small: the constant of CIFAR-10-C, above 0
    :param large: the constant of ImageNet-C, above 0
    """
    share = math.log(side / _SMALL) / math.log(_LARGE / _SMALL)
    return float(small * (large / small) ** min(1.0, max(0.0, share)))


def length(side: int, small: float, large: float) -> float:
    """The same for a constant in pixels, which goes on growing with pictures larger than those of ImageNet-C."""
    return between(side, small, large) * max(1.0, side / _LARGE)
