"""Owns the way from decoded pixels to what is kept, and to what a model sees.

Invariant: one function for training and scoring, and a version that changes whenever its result may.
Does not know models; normalisation is the model's own first layer.
"""

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np

from nightsort.images.clean import Cleaning
from nightsort.images.decode import Decoded, Pixels, decode, decode_reduced
from nightsort.images.header import picture_format
from nightsort.images.quality import SIDE

_REVISION = 2
"""Raise by one with any change to the pixels that `decode_original` or `Preprocessing` return."""

_KEPT = ("JPEG", "PNG", "WEBP")  # formats that are kept as they came; of the others there is a smaller form
_LINEAR = 2  # times that a side may shrink by linear interpolation
_STORED_PIXELS = 2**30  # what is in the dataset was within the ingest's own cap


@dataclass(frozen=True)
class Preprocessing:
    """How a picture is made ready for a model.

    :param store_side: reduced, after cleaning, so that the shorter side has at most this many pixels
    :param image_size: then stretched to a square of this side
    :param cleaning: what came before, when the dataset was built; `orient` is a matter of decoding
    """

    store_side: int
    image_size: int
    cleaning: Cleaning = field(default_factory=Cleaning)

    @property
    def version(self) -> str:
        """Short hash of every setting, and of the code's revision."""
        settings: dict[str, Any] = {"store_side": self.store_side, "image_size": self.image_size, "revision": _REVISION}
        asked = self.cleaning.model_dump(exclude_defaults=True)
        settings |= {"cleaning": asked} if asked else {}
        return "p" + hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:8]

    def __call__(self, picture: Pixels) -> Pixels:
        """A picture as it came, uint8 (height, width, 3) -> uint8 (image_size, image_size, 3)."""
        return self.of_stored(self.cleaning(picture))

    def of_stored(self, picture: Pixels) -> Pixels:
        """The same for a picture of the dataset, which was cleaned before it was kept."""
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
    # Linear interpolation looks at two pixels in each direction; beyond a factor of two it would leave some out.
    # INTER_AREA averages them all, which takes as long as decoding; when enlarging it would repeat pixels.
    shrinks = max(picture.shape[1] / width, picture.shape[0] / height) > _LINEAR
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cv2.resize(picture, (width, height), interpolation=method).astype(np.uint8, copy=False)


def encode_for_store(data: bytes, picture: Pixels, side: int, changed: bool) -> bytes:
    """Bytes to keep of a labelled picture, decoding to `reduce(picture, side)`.

    A JPEG, PNG or WebP that is small enough passes through untouched. What was a JPEG is else written as JPEG (quality
    95, no chroma subsampling), which costs about one grey level of noise, and everything else as PNG, which costs
    nothing.

    :param data: the original bytes
    :param picture: what `decode_original` made of them, cleaned
    :param changed: whether it is not what the bytes hold: cleaning changed it, or it was decoded smaller
    """
    reduced = reduce(picture, side)
    kind = picture_format(data)
    if reduced is picture and not changed and kind in _KEPT:
        return data
    bgr = cv2.cvtColor(reduced, cv2.COLOR_RGB2BGR)
    if kind == "JPEG":
        options = [cv2.IMWRITE_JPEG_QUALITY, 95, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
        return bytes(cv2.imencode(".jpg", bgr, options)[1])
    return bytes(cv2.imencode(".png", bgr, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1])


def decode_original(
    data: bytes, max_pixels: int, store_side: int, cleaning: Cleaning, *, roi: str | None = None, strict: bool = False
) -> Decoded:
    """Decode a picture as it came, to ingest or to score it: no larger than what is kept and measured of it needs.

    :param store_side: as of :class:`Preprocessing`; so is `cleaning`
    :param roi: region of interest that will be cut out, in pixels of the original, which then has to be whole
    :raises PictureError: as :func:`nightsort.images.decode.decode_reduced`, which says what the others mean
    """
    side = None if roi or cleaning.needs_whole else max(store_side, SIDE)
    return decode_reduced(data, max_pixels, side, orient=cleaning.orient, strict=strict)


def decode_stored(data: bytes, cleaning: Cleaning) -> Pixels:
    """Decode bytes of the dataset, uint8 (height, width, 3).

    :param cleaning: what the dataset was begun with, since a picture that passed through untouched has its EXIF still
    :raises PictureError: if they were damaged since they were ingested
    """
    return decode(data, _STORED_PIXELS, orient=cleaning.orient)


def load_stored(data: bytes, preprocessing: Preprocessing) -> Pixels:
    """Bytes of the dataset to what the model sees, uint8 (image_size, image_size, 3).

    :raises PictureError: as `decode_stored`
    """
    return preprocessing.of_stored(decode_stored(data, preprocessing.cleaning))
