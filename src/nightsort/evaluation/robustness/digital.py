"""Owns the distortions of storing and showing: contrast, elastic, pixelate and JPEG.

Invariant: see :mod:`nightsort.evaluation.robustness.corruptions`. Constants of Hendrycks and Dietterich (2019),
but for elastic. Does not know what the picture shows.
"""

import cv2
import numpy as np

from nightsort.evaluation.robustness.blur import smooth
from nightsort.evaluation.robustness.strength import Values, between, length

_KEPT = (0.75, 0.5, 0.4, 0.3, 0.15), (0.4, 0.3, 0.2, 0.1, 0.05)  # of the contrast
_GRAIN = tuple(1 / c for c in (0.95, 0.9, 0.85, 0.75, 0.65)), tuple(1 / c for c in (0.6, 0.5, 0.4, 0.3, 0.25))  # pixels
_QUALITY = (80, 65, 58, 50, 40), (25, 18, 15, 10, 7)
_MOVED = (0.01, 0.015, 0.02, 0.03, 0.04)  # of the side: how far three points are moved at most
_BENT = (0.003, 0.005, 0.007, 0.01, 0.013)  # of the side: deviation of what each pixel is moved by
_EVEN = 0.03  # of the side: over which neighbouring pixels move together


def contrast(picture: Values, severity: int, _: np.random.Generator) -> Values:
    """Every channel nearer to its mean."""
    kept = between(len(picture), *(constants[severity - 1] for constants in _KEPT))
    means = picture.mean(axis=(0, 1), keepdims=True)
    return np.asarray(means + np.float32(kept) * (picture - means), np.float32)


def elastic(picture: Values, severity: int, generator: np.random.Generator) -> Values:
    """The picture stretched as a whole and bent here and there.

    The paper's severities mix two kinds of change, and its second is often worse than its fifth; these grow.
    """
    side, at = len(picture), severity - 1
    points = np.array([[5, 5], [5, 1], [1, 1]], np.float32) * np.float32(side / 6)
    moved = points + generator.uniform(-1, 1, points.shape).astype(np.float32) * np.float32(_MOVED[at] * side)
    affine = cv2.getAffineTransform(points, moved)
    bent = smooth(generator.standard_normal((side, side, 2), np.float32), _EVEN * side)
    bent *= np.float32(_BENT[at] * side) / np.maximum(bent.std(), np.float32(1e-6))
    columns, rows = np.meshgrid(np.arange(side), np.arange(side))
    places = np.stack([columns, rows, np.ones_like(rows)], axis=2) @ affine.T + bent
    across, down = (np.ascontiguousarray(places[..., i], np.float32) for i in (0, 1))
    return np.asarray(cv2.remap(picture, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101), np.float32)


def pixelate(picture: Values, severity: int, _: np.random.Generator) -> Values:
    """Too few pixels, shown large."""
    side = len(picture)
    fewer = max(1, int(side / length(side, *(constants[severity - 1] for constants in _GRAIN))))
    small = cv2.resize(picture, (fewer, fewer), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (side, side), interpolation=cv2.INTER_NEAREST_EXACT), np.float32)


def jpeg(picture: Values, severity: int, _: np.random.Generator) -> Values:
    """Stored with loss."""
    quality = round(between(len(picture), *(constants[severity - 1] for constants in _QUALITY)))
    bgr = cv2.cvtColor(np.rint(picture * 255).astype(np.uint8), cv2.COLOR_RGB2BGR)
    data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    lossy = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.float32)
    return np.ascontiguousarray(lossy[..., ::-1]) / np.float32(255)
