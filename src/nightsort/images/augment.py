"""Owns offline augmentation: another picture of the same class, made of one picture.

Invariant: what was done is fully said by the steps, so equal steps give equal pixels; no operation
leaves black corners or another size. Does not know which pictures may be augmented.

OpenCV does the work: torchvision's transforms would load torch into every worker that only ingests,
and albumentations is no longer kept, its successor under a licence that is not permissive.
"""

from collections.abc import Callable, Sequence
from typing import Any, get_args

import cv2
import numpy as np

from nightsort.images.decode import Pixels
from nightsort.words import Operation

Step = dict[str, Any]
"""{"operation": name, parameter: value, ...}, as JSON takes it. Lengths are shares of the picture's."""

_FEWEST, _MOST = 2, 3


def apply(picture: Pixels, operations: Sequence[Operation], rng: np.random.Generator) -> tuple[Pixels, list[Step]]:
    """Do two or three of the operations, chosen at random, with random parameters.

    :param picture: uint8 (height, width, 3)
    :param operations: those allowed; of one or two, all are done
    :returns: uint8 of the same shape, and what was done
    """
    steps = draw(operations, rng)
    return perform(picture, steps), steps


def draw(operations: Sequence[Operation], rng: np.random.Generator) -> list[Step]:
    """Choose operations, in the order of `config.Operation`, and their parameters."""
    allowed = [name for name in get_args(Operation) if name in operations]
    count = min(len(allowed), int(rng.integers(_FEWEST, _MOST + 1)))
    chosen = sorted(rng.choice(len(allowed), count, replace=False)) if allowed else []
    return [{"operation": allowed[place], **_parameters(allowed[place], rng)} for place in chosen]


def perform(picture: Pixels, steps: Sequence[Step]) -> Pixels:
    """Do what the steps say: uint8 (height, width, 3) -> the same shape."""
    for step in steps:
        parameters = {name: value for name, value in step.items() if name != "operation"}
        picture = _ACTIONS[step["operation"]](picture, **parameters)
    return picture


_RANGES: dict[Operation, dict[str, tuple[float, float]]] = {
    "rotate": {"degrees": (-20.0, 20.0)},
    "scale": {"factor": (0.8, 1.25)},
    "crop": {"side": (0.7, 0.95), "left": (0.0, 1.0), "top": (0.0, 1.0)},
    "flip": {},
    "jitter": {"brightness": (0.8, 1.2), "contrast": (0.8, 1.2), "saturation": (0.7, 1.3)},
    "noise": {"sigma": (2.0, 10.0), "seed": (0, 2**32)},
    "erase": {"width": (0.1, 0.35), "height": (0.1, 0.35), "left": (0.0, 1.0), "top": (0.0, 1.0)},
    "blur": {"sigma": (0.004, 0.012)},
}
"""From where to where a parameter is drawn, evenly; integers give integers."""


def _parameters(operation: Operation, rng: np.random.Generator) -> Step:
    return {
        name: int(rng.integers(low, int(high))) if isinstance(low, int) else round(float(rng.uniform(low, high)), 4)
        for name, (low, high) in _RANGES[operation].items()
    }


def _rotate(picture: Pixels, degrees: float) -> Pixels:
    return _warp(picture, degrees, 1.0)


def _scale(picture: Pixels, factor: float) -> Pixels:
    return _warp(picture, 0.0, factor)


def _warp(picture: Pixels, degrees: float, factor: float) -> Pixels:
    height, width = picture.shape[:2]
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, factor)
    warped = cv2.warpAffine(picture, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    return warped.astype(np.uint8, copy=False)


def _crop(picture: Pixels, side: float, left: float, top: float) -> Pixels:
    """Cut out a part, `left` and `top` being shares of the room there is, and enlarge it to the old size."""
    rows, columns = _window(picture, side, side, left, top)
    height, width = picture.shape[:2]
    return cv2.resize(picture[rows, columns], (width, height), interpolation=cv2.INTER_LINEAR).astype(
        np.uint8, copy=False
    )


def _flip(picture: Pixels) -> Pixels:
    return np.ascontiguousarray(picture[:, ::-1])


def _jitter(picture: Pixels, brightness: float, contrast: float, saturation: float) -> Pixels:
    """Scale the level, the distance from the mean level and the distance from grey."""
    pixels = picture.astype(np.float32) * brightness
    mean = pixels.mean()
    pixels = (pixels - mean) * contrast + mean
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)[..., None]
    return _bytes((pixels - grey) * saturation + grey)


def _noise(picture: Pixels, sigma: float, seed: int) -> Pixels:
    """Add Gaussian noise of `sigma` grey levels."""
    noise = np.random.default_rng(seed).standard_normal(picture.shape, np.float32)
    return _bytes(picture + noise * sigma)


def _erase(picture: Pixels, width: float, height: float, left: float, top: float) -> Pixels:
    """Fill a rectangle with the mean colour (random erasing, Zhong et al. 2020)."""
    erased = picture.copy()
    erased[_window(picture, width, height, left, top)] = picture.reshape(-1, 3).mean(0).round()
    return erased


def _blur(picture: Pixels, sigma: float) -> Pixels:
    """Blur by a Gaussian, `sigma` being a share of the shorter side, half a pixel at least."""
    pixels = max(0.5, sigma * min(picture.shape[:2]))
    return cv2.GaussianBlur(picture, (0, 0), pixels, borderType=cv2.BORDER_REFLECT_101).astype(np.uint8, copy=False)


def _window(picture: Pixels, width: float, height: float, left: float, top: float) -> tuple[slice, slice]:
    """Rows and columns of a rectangle inside the picture, a pixel at least."""
    sides = [max(1, round(share * side)) for share, side in zip((height, width), picture.shape[:2], strict=True)]
    starts = [
        round(share * (whole - side)) for share, whole, side in zip((top, left), picture.shape, sides, strict=False)
    ]
    return slice(starts[0], starts[0] + sides[0]), slice(starts[1], starts[1] + sides[1])


def _bytes(pixels: np.typing.NDArray[np.float32]) -> Pixels:
    return pixels.clip(0, 255).round().astype(np.uint8)


_ACTIONS: dict[Operation, Callable[..., Pixels]] = {
    "rotate": _rotate,
    "scale": _scale,
    "crop": _crop,
    "flip": _flip,
    "jitter": _jitter,
    "noise": _noise,
    "erase": _erase,
    "blur": _blur,
}
