"""Owns what stands out in a picture: where, and the box around it.

Invariant: the same pixels give the same box, and a box lies within the picture. Does not know what it is for.
"""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from nightsort.images.decode import Pixels

_SIDE = 64  # pixels of the longer side that is looked at, as in the paper
_SEAM = 16  # pixels around it
_AVERAGED = 3  # neighbouring frequencies whose mean is what every picture has, as in the paper
_BLUR = 2.5  # deviation in pixels
_TIMES = 3.0  # the mean saliency that the strongest spot has, at least; else nothing stands out
_RISE = 0.15  # of the way from the mean to the strongest, above which a pixel belongs to a spot
_PART = 0.2  # of the saliency of the strongest spot that another needs, to be in the box with it
_MARGIN = 0.1  # of the box's longer side, left around it
_MOST = 0.7  # of the picture that the box takes, at most; else there is nothing to gain

Box = tuple[int, int, int, int]
"""Left, top, width and height in pixels of the picture, the last two at least 1."""


def box(picture: Pixels) -> Box | None:
    """Around the strongest spot and those that are nearly as strong, with a margin; None where nothing stands out.

    :param picture: uint8 (height, width, 3)
    """
    found = saliency(picture)
    high, wide = found.shape
    mean, most = float(found.mean()), float(found.max())
    if not most > _TIMES * mean:
        return None
    total, labels, boxes, _ = cv2.connectedComponentsWithStats((found > mean + _RISE * (most - mean)).astype(np.uint8))
    sums = np.bincount(labels.ravel(), found.ravel(), total)[1:]
    starts, sizes = np.split(boxes[1:][sums >= _PART * sums.max(), :4].astype(float), 2, axis=1)
    start, end = starts.min(axis=0), (starts + sizes).max(axis=0)
    margin = _MARGIN * float((end - start).max())
    left, top = (max(0.0, float(value) - margin) for value in start)
    right, bottom = (min(float(limit), float(value) + margin) for limit, value in zip((wide, high), end, strict=True))
    if (right - left) * (bottom - top) > _MOST * found.size:
        return None
    across, down = picture.shape[1] / wide, picture.shape[0] / high
    column, row = math.floor(left * across), math.floor(top * down)
    return column, row, math.ceil(right * across) - column, math.ceil(bottom * down) - row


def saliency(picture: Pixels) -> NDArray[np.float32]:
    """The spectral residual (Hou and Zhang 2007): what of the logarithm of the spectrum its neighbourhood has not.

    Each colour by itself, and their mean. To a spectrum a picture goes round, and where its left edge meets the right
    one something would stand out; so it is mirrored there and fades to its mean.

    :param picture: uint8 (height, width, 3)
    :returns: float32, of the picture's shape with a longer side of 64 pixels; at least 0, without unit
    """
    factor = _SIDE / max(picture.shape[:2])
    high, wide = (max(1, round(length * factor)) for length in picture.shape[:2])
    small = cv2.resize(picture, (wide, high), interpolation=cv2.INTER_AREA).astype(np.float64)
    faded = cv2.copyMakeBorder(small, _SEAM, _SEAM, _SEAM, _SEAM, cv2.BORDER_REFLECT) - small.mean(axis=(0, 1))
    faded *= (_fade(high)[:, None] * _fade(wide))[..., None]
    found = np.zeros((high, wide))
    for colour in range(3):
        spectrum = np.fft.fft2(faded[..., colour])
        logarithm = np.log(np.abs(spectrum) + 1e-3)
        around = cv2.blur(np.pad(logarithm, _AVERAGED, mode="wrap"), (_AVERAGED, _AVERAGED))
        residual = logarithm - around[_AVERAGED:-_AVERAGED, _AVERAGED:-_AVERAGED]
        energy = np.abs(np.fft.ifft2(np.exp(residual + 1j * np.angle(spectrum)))) ** 2
        found += (energy / energy.mean())[_SEAM:-_SEAM, _SEAM:-_SEAM]
    return np.asarray(cv2.GaussianBlur(found, (0, 0), _BLUR, borderType=cv2.BORDER_REFLECT), np.float32)


def _fade(length: int) -> NDArray[np.float64]:
    """1 over the picture, down to 0 over the seam on both sides, float64 (length + 2 * _SEAM,)."""
    rise = (1 - np.cos(np.pi * (np.arange(_SEAM) + 0.5) / _SEAM)) / 2
    return np.concatenate([rise, np.ones(length), rise[::-1]])
