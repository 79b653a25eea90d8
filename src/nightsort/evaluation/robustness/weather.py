"""Owns the distortions that lay something before the picture or light it: snow, frost, fog, brightness.

Invariant: see :mod:`nightsort.evaluation.robustness.corruptions`. Constants of Hendrycks and Dietterich (2019).
Does not know what the picture shows.
"""

import math

import cv2
import numpy as np

from nightsort.evaluation.robustness.blur import trail
from nightsort.evaluation.robustness.strength import Values, between, length

_FLAKES = (0.1, 0.1, 0.15, 0.25, 0.3), (0.1, 0.2, 0.55, 0.55, 0.55)  # mean of the normal noise that flakes are cut of
_SPREAD = (0.2, 0.2, 0.3, 0.3, 0.3), (0.3, 0.3, 0.3, 0.3, 0.3)  # its deviation
_SIZE = (1, 1, 1.75, 2.25, 1.25), (3, 2, 4, 4.5, 2.5)  # pixels
_LEAST = (0.6, 0.5, 0.55, 0.6, 0.65), (0.5, 0.5, 0.9, 0.85, 0.85)  # what is a flake
_FALL = (8, 10, 10, 12, 14), (10, 12, 12, 12, 12)  # pixels, half the trail
_FALLEN = (3, 4, 4, 6, 12), (4, 4, 8, 8, 12)  # deviation in pixels
_SEEN = (0.95, 0.9, 0.9, 0.85, 0.8), (0.8, 0.7, 0.7, 0.65, 0.55)  # share of the picture that is not whitened
_THROUGH = (1, 1, 0.9, 0.85, 0.75), (1, 0.8, 0.7, 0.65, 0.6)  # light that passes the pane
_ICE = (0.2, 0.3, 0.4, 0.43, 0.48), (0.4, 0.6, 0.7, 0.74, 0.8)  # light that the frost gives
_DENSITY = (0.2, 0.5, 0.75, 1, 1.5), (1.5, 2, 2.5, 2.5, 3)
_DECAY = (3, 3, 2.5, 2, 1.75), (2, 2, 1.7, 1.5, 1.4)  # of the fog's detail, from scale to scale
_LIGHT = (0.05, 0.1, 0.15, 0.2, 0.3), (0.1, 0.2, 0.3, 0.4, 0.5)
_TINT = np.array([0.84, 0.93, 1.0], np.float32)  # of ice


def snow(picture: Values, severity: int, generator: np.random.Generator) -> Values:
    """Flakes with trails, two layers of them, and a picture that whitens."""
    side, at = len(picture), severity - 1
    coarse = max(2, math.ceil(side / length(side, _SIZE[0][at], _SIZE[1][at])))
    mean, spread = between(side, _FLAKES[0][at], _FLAKES[1][at]), between(side, _SPREAD[0][at], _SPREAD[1][at])
    layer = _enlarged(generator.normal(mean, spread, (coarse, coarse)).astype(np.float32), side)
    layer = np.where(layer < between(side, _LEAST[0][at], _LEAST[1][at]), np.float32(0), np.clip(layer, 0, 1))
    fall, fallen = length(side, _FALL[0][at], _FALL[1][at]), length(side, _FALLEN[0][at], _FALLEN[1][at])
    layer = trail(layer, fall, fallen, generator.uniform(45, 135))
    seen = np.float32(between(side, _SEEN[0][at], _SEEN[1][at]))
    white = np.maximum(picture, cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[..., None] * 1.5 + 0.5)
    return np.asarray(seen * picture + (1 - seen) * white + (layer + layer[::-1, ::-1])[..., None], np.float32)


def frost(picture: Values, severity: int, generator: np.random.Generator) -> Values:
    """Ice on a pane.

    The paper lays photographs of frost over the picture; here the ice is drawn: needles in patches.
    """
    side, at = len(picture), severity - 1
    through, ice = between(side, _THROUGH[0][at], _THROUGH[1][at]), between(side, _ICE[0][at], _ICE[1][at])
    return np.float32(through) * picture + np.float32(ice) * _ice(side, generator)[..., None] * _TINT


def fog(picture: Values, severity: int, generator: np.random.Generator) -> Values:
    """Clouds of white, by plasma noise, and all the contrast that they take."""
    side, at = len(picture), severity - 1
    density = np.float32(between(side, _DENSITY[0][at], _DENSITY[1][at]))
    clouds = _plasma(side, between(side, _DECAY[0][at], _DECAY[1][at]), generator)
    brightest = picture.max()
    return np.asarray((picture + density * clouds[..., None]) * brightest / (brightest + density), np.float32)


def brightness(picture: Values, severity: int, _: np.random.Generator) -> Values:
    """More light; hue and saturation stay."""
    at = severity - 1
    value = picture.max(axis=2, keepdims=True)
    lit = np.minimum(value + np.float32(between(len(picture), _LIGHT[0][at], _LIGHT[1][at])), 1)
    return np.asarray(np.where(value > 0, picture * (lit / np.maximum(value, 1e-6)), lit), np.float32)


def _ice(side: int, generator: np.random.Generator) -> Values:
    """Needles of ice in three directions, thick in some places, float32 (S, S), 0 to 1."""
    needles = np.zeros((side, side), np.float32)
    for angle in generator.uniform(0, 180, 3):
        seeds = (generator.random((side, side), np.float32) < 0.02).astype(np.float32)
        needles = np.maximum(needles, trail(seeds, side / 10, side / 16, float(angle)))
    patches = np.clip(3 * _plasma(side, 1.4, generator) - 1, 0, 1)
    return patches * (0.5 + 0.5 * needles / max(float(needles.max()), 1e-6))


def _plasma(side: int, decay: float, generator: np.random.Generator) -> Values:
    """Noise on ever finer grids, each weaker by the square of `decay`, float32 (S, S), 0 to 1.

    It is what the diamond-square algorithm (Fournier et al. 1982), with which the paper makes fog, adds up to.
    """
    total, weight, cells = np.zeros((side, side), np.float32), 1.0, 2
    while cells <= side:
        grid = generator.uniform(-1, 1, (cells + 1, cells + 1)).astype(np.float32)
        total += np.float32(weight) * _enlarged(grid, side)
        weight, cells = weight / decay**2, cells * 2
    total -= total.min()
    return total / max(float(total.max()), 1e-6)


def _enlarged(values: Values, side: int) -> Values:
    return np.asarray(cv2.resize(values, (side, side), interpolation=cv2.INTER_LINEAR), np.float32)
