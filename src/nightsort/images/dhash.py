"""Owns the difference hash: 128 bits that say where a picture grows brighter.

It confirms what the perceptual hash proposes, which alone takes any two smooth pictures for near-duplicates.

Invariant: equal pixels give equal bits. Does not know which distance makes two pictures near-duplicates.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from nightsort.images.decode import Pixels
from nightsort.images.grey import grey

_SMALL = 32
_GRID = 9


def gradients(picture: Pixels) -> NDArray[np.float32]:
    """Differences between neighbours on a 9x9 grid of mean grey levels.

    :param picture: uint8 (height, width, 3), or a grey copy of it, see :func:`nightsort.images.grey.grey`
    :returns: (2, 8, 8) grey levels: to the right, then downwards
    """
    levels = grey(picture, 2 * _SMALL)
    if levels.shape != (_SMALL, _SMALL):
        levels = cv2.resize(levels, (_SMALL, _SMALL), interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    # In floats, since rounded means of a smooth picture would tie.
    grid = cv2.resize(levels.astype(np.float32), (_GRID, _GRID), interpolation=cv2.INTER_AREA)
    corner = grid[:-1, :-1]
    return np.stack([grid[:-1, 1:] - corner, grid[1:, :-1] - corner])


def dhash(picture: Pixels) -> tuple[int, int]:
    """The signs of the gradients (Krawetz 2013, dHash), to the right and downwards.

    :param picture: uint8 (height, width, 3), or a grey copy of it, see :func:`nightsort.images.grey.grey`
    :returns: two times 64 bits, signed
    """
    bits = np.packbits((gradients(picture) > 0).reshape(2, 64), axis=1)
    return int.from_bytes(bits[0].tobytes(), signed=True), int.from_bytes(bits[1].tobytes(), signed=True)
