"""Owns the way from decoded pixels to what a model sees.

Invariant: one function for training and scoring, and a version that changes whenever its result may.
Does not know models; normalisation is the model's own first layer.
"""

import hashlib
import json
from dataclasses import asdict, dataclass

import cv2
import numpy as np

from nightsort.images.decode import Pixels, decode

_REVISION = 1
"""Raise by one with any change to the pixels that `Preprocessing` returns."""


@dataclass(frozen=True)
class Preprocessing:
    """How a picture is made ready for a model.

    :param store_side: first reduced so that the shorter side has at most this many pixels
    :param image_size: then stretched to a square of this side
    """

    store_side: int
    image_size: int

    @property
    def version(self) -> str:
        """Short hash of every setting, and of the code's revision."""
        settings = {**asdict(self), "revision": _REVISION}
        return "p" + hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:8]

    def __call__(self, picture: Pixels) -> Pixels:
        """uint8 (height, width, 3) -> uint8 (image_size, image_size, 3)."""
        return stretch(reduce(picture, self.store_side), self.image_size)


def reduce(picture: Pixels, side: int) -> Pixels:
    """Scale down, aspect kept, until the shorter side has `side` pixels; a smaller picture is returned as it is."""
    height, width = picture.shape[:2]
    factor = side / min(height, width)
    if factor >= 1:
        return picture
    return _resize(picture, max(1, round(width * factor)), max(1, round(height * factor)))


def stretch(picture: Pixels, side: int) -> Pixels:
    """Scale to a square, aspect not kept, so that nothing at the edges is lost."""
    return picture if picture.shape[:2] == (side, side) else _resize(picture, side, side)


def _resize(picture: Pixels, width: int, height: int) -> Pixels:
    smaller = width * height < picture.shape[0] * picture.shape[1]
    # INTER_AREA averages what it drops; when enlarging it would repeat pixels, so linear there.
    method = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    return cv2.resize(picture, (width, height), interpolation=method).astype(np.uint8, copy=False)


def encode_for_store(data: bytes, picture: Pixels, side: int) -> bytes:
    """Bytes to keep of a labelled picture, decoding to `reduce(picture, side)`.

    A picture that is small enough passes through untouched. A larger one is reduced and written as
    JPEG (quality 95, no chroma subsampling) if it was a JPEG, which costs about one grey level of
    noise, and as PNG otherwise, which costs nothing.
    """
    reduced = reduce(picture, side)
    if reduced is picture:
        return data
    bgr = cv2.cvtColor(reduced, cv2.COLOR_RGB2BGR)
    if data[:3] == b"\xff\xd8\xff":
        options = [cv2.IMWRITE_JPEG_QUALITY, 95, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
        return bytes(cv2.imencode(".jpg", bgr, options)[1])
    return bytes(cv2.imencode(".png", bgr, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1])


def load(data: bytes, preprocessing: Preprocessing, max_pixels: int) -> Pixels:
    """Bytes to what the model sees; see :func:`nightsort.images.decode.decode` for the errors."""
    return preprocessing(decode(data, max_pixels))
