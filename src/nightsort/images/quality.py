"""Owns what is measured of a picture.

Invariant: the columns of `schema.MEASURES`, finite for every picture. Does not judge: see `nightsort.rules`.
"""

import cv2
import numpy as np

from nightsort.images.decode import Decoded, Pixels
from nightsort.images.grey import grey

SIDE = 256
"""Pixels of the shorter side of the copy that is measured, at most."""


def measure(picture: Decoded) -> dict[str, float]:
    """Measure one picture as it came, before it is cleaned; its lengths are the original's.

    Sharpness is the variance of the Laplacian (Pech-Pacheco et al. 2000). It depends on the scale it is looked at, so
    all but the lengths is measured on a copy whose shorter side has at most 256 pixels: a limit then means about the
    same, to a factor of two, for any camera.

    :param picture: its pixels may be a grey copy, see :func:`nightsort.images.grey.grey`
    :returns: the columns of `schema.MEASURES`, in the units stated there
    """
    levels = _small(picture.pixels)
    mean, deviation = cv2.meanStdDev(levels)
    return {
        "width": picture.width,
        "height": picture.height,
        "aspect": picture.width / picture.height,
        "sharpness": _sharpness(levels),
        "brightness": min(float(mean[0, 0]), 255.0),  # it is a sum times 1 / size
        "contrast": float(deviation[0, 0]),
        "entropy": _entropy(levels),
    }


def _small(picture: Pixels) -> Pixels:
    levels = grey(picture, SIDE)
    height, width = levels.shape
    shorter = min(height, width)
    if shorter <= SIDE:
        return levels
    size = round(width * SIDE / shorter), round(height * SIDE / shorter)
    return cv2.resize(levels, size, interpolation=cv2.INTER_LINEAR).astype(np.uint8, copy=False)


def _sharpness(levels: Pixels) -> float:
    """Mean of the squares less the square of the mean; `meanStdDev` takes ten times as long for 16 bits."""
    edges = cv2.Laplacian(levels, cv2.CV_16S)
    return max(0.0, cv2.norm(edges) ** 2 / edges.size - float(cv2.mean(edges)[0]) ** 2)


def _entropy(levels: Pixels) -> float:
    counts = cv2.calcHist([levels], [0], None, [256], [0, 256]).ravel()
    shares = counts[counts > 0].astype(np.float64) / levels.size
    return max(0.0, -float(shares @ np.log2(shares)))
