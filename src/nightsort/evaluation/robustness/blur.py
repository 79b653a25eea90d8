"""Owns the distortions that mix neighbouring pixels: defocus, glass, motion and zoom blur.

Invariant: see :mod:`nightsort.evaluation.robustness.corruptions`. Constants of Hendrycks and Dietterich (2019).
Does not know what the picture shows.
"""

import math

import cv2
import numpy as np

from nightsort.evaluation.robustness.strength import Values, between, length

# The paper's small discs lie within one pixel, and its filter for their edge does the blurring; these blur as much.
_DISC = (0.55, 0.65, 0.75, 1.25, 1.75), (3, 4, 6, 8, 10)  # radius in pixels
_PANE = (0.2, 0.25, 0.3, 0.35, 0.4), (0.7, 0.9, 1, 1.1, 1.5)  # deviation in pixels
# The paper shifts by whole pixels, several times over; its severities for small pictures do not grow, these do.
_SHIFT = (0.6, 0.7, 0.8, 1.0, 1.25), (1.4, 2.0, 3.5, 4.2, 5.7)  # pixels, at most
_REACHED = (6, 6, 6, 8, 9), (10, 15, 15, 15, 20)  # pixels, half the trail
_TRAIL = (1, 1.5, 2, 2.25, 2.5), (3, 5, 8, 12, 15)  # deviation in pixels
_NEAREST = (1.05, 1.10, 1.15, 1.20, 1.25), (1.10, 1.15, 1.20, 1.24, 1.30)  # largest magnification


def defocus(picture: Values, severity: int, _: np.random.Generator) -> Values:
    """A disc with a soft edge: a lens out of focus."""
    radius = length(len(picture), *(constants[severity - 1] for constants in _DISC))
    steps = np.arange(-math.ceil(radius), math.ceil(radius) + 1)
    disc = np.clip(radius + 0.5 - np.hypot(*np.meshgrid(steps, steps)), 0, 1)
    return _filtered(picture, disc)


def glass(picture: Values, severity: int, generator: np.random.Generator) -> Values:
    """Pixels change places with near ones: frosted glass.

    The paper swaps pixel by pixel; here each takes the value of a random neighbour, all at once.
    """
    side = len(picture)
    deviation = length(side, *(constants[severity - 1] for constants in _PANE))
    most = length(side, *(constants[severity - 1] for constants in _SHIFT))
    shifts = np.rint(generator.uniform(-most, most, (2, side, side))).astype(np.int64)
    rows, columns = np.clip(np.indices((side, side)) + shifts, 0, side - 1)
    return smooth(smooth(picture, deviation)[rows, columns], deviation)


def motion(picture: Values, severity: int, generator: np.random.Generator) -> Values:
    """A trail that fades out: the camera moved, mostly sideways."""
    side = len(picture)
    reached = length(side, *(constants[severity - 1] for constants in _REACHED))
    deviation = length(side, *(constants[severity - 1] for constants in _TRAIL))
    return trail(picture, reached, deviation, generator.uniform(-45, 45))


def zoom(picture: Values, severity: int, _: np.random.Generator) -> Values:
    """The mean over growing magnifications: the camera moved towards its object."""
    side = len(picture)
    nearest = between(side, *(constants[severity - 1] for constants in _NEAREST))
    factors = np.linspace(1, nearest, round((nearest - 1) * 100) + 1)
    middle = (side - 1) / 2
    total = picture.copy()
    for factor in factors:
        matrix = np.array([[factor, 0, middle * (1 - factor)], [0, factor, middle * (1 - factor)]])
        total += cv2.warpAffine(picture, matrix, (side, side), borderMode=cv2.BORDER_REPLICATE)
    return total / np.float32(len(factors) + 1)


def trail(picture: Values, reached: float, deviation: float, angle: float) -> Values:
    """Blur to one side, by half a normal distribution, as ImageMagick's motion blur does.

    :param picture: float32 (S, S) or (S, S, 3)
    :param reached: half the length of the trail in pixels
    :param deviation: of the normal distribution, in pixels
    :param angle: degrees, clockwise from the right
    """
    steps = np.arange(2 * math.ceil(reached) + 1)
    weights = np.exp(-((steps / deviation) ** 2) / 2)
    across, down = steps * math.cos(math.radians(angle)), steps * math.sin(math.radians(angle))
    kernel = np.zeros((2 * len(steps) + 1, 2 * len(steps) + 1))
    left, top = np.floor(across).astype(int), np.floor(down).astype(int)
    for right, below in ((0, 0), (1, 0), (0, 1), (1, 1)):
        part = np.abs(1 - right - (across - left)) * np.abs(1 - below - (down - top))
        np.add.at(kernel, (top + below + len(steps), left + right + len(steps)), weights * part)
    return _filtered(picture, kernel)


def smooth(picture: Values, deviation: float) -> Values:
    """Gaussian blur.

    :param picture: float32 (S, S) or (S, S, C)
    :param deviation: in pixels
    """
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), deviation), np.float32)


def _filtered(picture: Values, kernel: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Values:
    return np.asarray(cv2.filter2D(picture, -1, kernel / kernel.sum()), np.float32)
