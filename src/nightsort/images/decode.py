"""Owns the way from untrusted bytes to an upright RGB array.

Invariant: nothing is allocated for a picture before its declared size has been checked, and every
failure is a :class:`PictureError` with a typed reason. Training and scoring both come through here.
Does not know where the bytes came from.
"""

import os

# OpenCV reads these once, when it is imported. Its log repeats what a quarantine row says.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(2**30))
os.environ.setdefault("OPENCV_LOG_LEVEL", "OFF")

import cv2
import numpy as np
import numpy.typing as npt

from nightsort.errors import PictureError
from nightsort.images.header import declared_size, is_whole, picture_format, undecodable
from nightsort.images.second import disagreement

Pixels = npt.NDArray[np.uint8]
"""An upright picture: (height, width, 3), red first."""

cv2.setNumThreads(0)  # parallelism is by picture; threads inside one picture would fight over the cores

_RATIO = 2000  # bytes of pixels a byte of file; deflate reaches 1032, JPEG 512
_HARMLESS = 50_000_000  # bytes of pixels, below which no ratio is a bomb
_WORKING = 5  # rasters that a decoder may hold at once: a TIFF of one strip, read, as RGBA, turned and as RGB


def decode(data: bytes, max_pixels: int, *, orient: bool = True, strict: bool = False) -> Pixels:
    """Decode a picture (the first frame of an animation) as RGB; transparency is dropped.

    :param max_pixels: largest declared width x height
    :param orient: turn the picture upright, as EXIF says; a TIFF is turned in any case, by a tag of its own
    :param strict: decode a second time with Pillow, and refuse a picture that the two see differently
    :returns: uint8 (height, width, 3)
    :raises PictureError: with one of the reasons of `schema.REASONS`
    """
    kind = picture_format(data)
    width, height = declared_size(data, kind)
    _check_size(width, height, len(data), max_pixels)
    if kind == "PNG" and not is_whole(data, kind):  # libpng would say so too, but on standard error
        raise PictureError("truncated", f"{kind}, {width}x{height}, {len(data)} bytes, no end marker")
    try:
        picture = _decoded(data, kind, width, height, orient)
        if strict and (difference := disagreement(data, kind, picture, orient)):
            _ask_for_memory(width, height)
            raise PictureError("decoder_disagrees", difference)
    except MemoryError:
        raise PictureError("bomb", f"{width}x{height}: needs more memory than this process may use") from None
    return picture


def _check_size(width: int, height: int, size: int, max_pixels: int) -> None:
    if width * height > max_pixels:
        raise PictureError("too_many_pixels", f"{width}x{height} = {width * height}; at most {max_pixels}")
    unpacked = 3 * width * height
    if unpacked > max(_HARMLESS, _RATIO * size):
        raise PictureError("bomb", f"{width}x{height} in {size} bytes, {unpacked // size}:1; at most {_RATIO}:1")


def _decoded(data: bytes, kind: str, width: int, height: int, orient: bool) -> Pixels:
    """:raises MemoryError: whatever OpenCV makes of it"""
    flags = cv2.IMREAD_COLOR_RGB if orient else cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION
    detail = f"{kind}, {width}x{height}, {len(data)} bytes"
    try:
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as error:
        if error.code == cv2.Error.StsNoMem:
            raise MemoryError from None
        picture, detail = None, str(error).strip()
    if picture is None:
        _ask_for_memory(width, height)
        raise undecodable(data, kind, detail)
    return picture.astype(np.uint8, copy=False)


def _ask_for_memory(width: int, height: int) -> None:
    """Decoders report a lack of memory as they report damage; asking for as much as they need tells them apart.

    :raises MemoryError: if it was that
    """
    np.empty((_WORKING, height, width, 3), np.uint8)
