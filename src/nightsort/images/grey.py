"""Owns the small grey copy that measures and the perceptual hash look at.

Invariant: every level is a mean over as many pixels as any other. Does not know what is looked for.
"""

import cv2
import numpy as np

from nightsort.images.decode import Pixels


def grey(picture: Pixels, side: int) -> Pixels:
    """Grey levels of a picture, halved while the shorter side stays at `side` pixels or more.

    Means over 2x2 pixels cost a hundredth of what INTER_AREA takes for other ratios, which is as much as decoding.
    An odd last row or column is left out.

    :param picture: uint8 (height, width, 3), or (height, width) if it is such a copy already
    :returns: uint8 (h, w), the shorter side below 2 x `side`
    """
    levels = picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    while min(levels.shape) >= 2 * side:
        height, width = levels.shape[0] // 2, levels.shape[1] // 2
        levels = cv2.resize(levels[: 2 * height, : 2 * width], (width, height), interpolation=cv2.INTER_AREA)
    return levels.astype(np.uint8, copy=False)
