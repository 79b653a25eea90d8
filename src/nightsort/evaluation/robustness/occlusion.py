"""Owns occlusion: a grey square that hides part of a picture.

Invariant: the picture that is passed in stays as it is. Does not know what the picture shows.
"""

import math

import numpy as np
from numpy.typing import NDArray

SHARES = (0.05, 0.1, 0.2, 0.3, 0.5)
"""Of the picture's area, from little to much."""

_GREY = 128


def occlude(picture: NDArray[np.uint8], share: float, generator: np.random.Generator) -> NDArray[np.uint8]:
    """Hide a square at a random place within the picture (Zeiler and Fergus 2014).

    :param picture: uint8 (S, S, 3)
    :param share: of the area, 0 to 1
    """
    side = len(picture)
    hidden = round(side * math.sqrt(share))
    top, left = generator.integers(0, side - hidden, 2, endpoint=True)
    result = picture.copy()
    result[top : top + hidden, left : left + hidden] = _GREY
    return result
