"""Owns the 15 common corruptions of Hendrycks and Dietterich (2019), by name, in the paper's order.

Invariant: the same picture, severity and state of the generator give the same pixels; the picture that is passed in
stays as it is. Does not know how a corruption is made.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from nightsort.evaluation.robustness import blur, digital, noise, weather
from nightsort.evaluation.robustness.strength import Values

_CORRUPTIONS: dict[str, Callable[[Values, int, np.random.Generator], Values]] = {
    "Gaussian noise": noise.gaussian,
    "shot noise": noise.shot,
    "impulse noise": noise.impulse,
    "defocus blur": blur.defocus,
    "glass blur": blur.glass,
    "motion blur": blur.motion,
    "zoom blur": blur.zoom,
    "snow": weather.snow,
    "frost": weather.frost,
    "fog": weather.fog,
    "brightness": weather.brightness,
    "contrast": digital.contrast,
    "elastic": digital.elastic,
    "pixelate": digital.pixelate,
    "JPEG": digital.jpeg,
}

NAMES = tuple(_CORRUPTIONS)


def corrupt(name: str, picture: NDArray[np.uint8], severity: int, generator: np.random.Generator) -> NDArray[np.uint8]:
    """One picture made worse.

    :param name: one of NAMES
    :param picture: RGB, uint8 (S, S, 3), S of 16 to 1024
    :param severity: 1 to 5
    :returns: uint8 (S, S, 3)
    """
    values = _CORRUPTIONS[name](picture.astype(np.float32) / np.float32(255), severity, generator)
    return np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)
