"""Owns the distortions that change each pixel by itself: Gaussian, shot and impulse noise.

Invariant: see :mod:`nightsort.evaluation.robustness.corruptions`. Constants of Hendrycks and Dietterich (2019).
Does not know what the picture shows.
"""

import numpy as np

from nightsort.evaluation.robustness.strength import Values, between

_DEVIATION = (0.04, 0.06, 0.08, 0.09, 0.10), (0.08, 0.12, 0.18, 0.26, 0.38)
_PHOTONS = (500, 250, 100, 75, 50), (60, 25, 12, 5, 3)  # counted where the picture is white
_STRUCK = (0.01, 0.02, 0.03, 0.05, 0.07), (0.03, 0.06, 0.09, 0.17, 0.27)  # share of the values


def gaussian(picture: Values, severity: int, generator: np.random.Generator) -> Values:
    """Normal noise in every channel: too little light."""
    deviation = between(len(picture), *(constants[severity - 1] for constants in _DEVIATION))
    return picture + np.float32(deviation) * generator.standard_normal(picture.shape, np.float32)


def shot(picture: Values, severity: int, generator: np.random.Generator) -> Values:
    """Poisson noise: light comes in photons."""
    photons = between(len(picture), *(constants[severity - 1] for constants in _PHOTONS))
    return (generator.poisson(picture * photons) / photons).astype(np.float32)


def impulse(picture: Values, severity: int, generator: np.random.Generator) -> Values:
    """Values that are all the way up or down: salt and pepper in colour, as by bit errors."""
    struck = between(len(picture), *(constants[severity - 1] for constants in _STRUCK))
    chance = generator.random(picture.shape, np.float32)
    return np.where(chance < struck, np.float32(chance < struck / 2), picture)
