"""Owns the way from untrusted bytes to an upright RGB array.

Invariant: nothing is allocated for a picture before its declared size has been checked, and every
failure is a :class:`PictureError` with a typed reason. At which scale a picture is decoded follows
from its declared size and the side that is needed, and from nothing else. Training and scoring both
come through here. Does not know where the bytes came from.
"""

import os
from dataclasses import dataclass
from typing import Self

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


@dataclass(frozen=True, eq=False)
class Decoded:
    """A decoded picture, which may have fewer pixels than the original.

    :param pixels: uint8 (height, width, 3)
    :param width: of the original in pixels, as it lies in `pixels`
    :param height: the same
    """

    pixels: Pixels
    width: int
    height: int

    @classmethod
    def whole(cls, pixels: Pixels) -> Self:
        """A picture with all its pixels."""
        return cls(pixels, pixels.shape[1], pixels.shape[0])

    @property
    def is_whole(self) -> bool:
        """Whether these are all the pixels of the original."""
        return self.pixels.shape[:2] == (self.height, self.width)


cv2.setNumThreads(0)  # parallelism is by picture; threads inside one picture would fight over the cores

_RATIO = 2000  # bytes of pixels a byte of file; deflate reaches 1032, JPEG 512
_HARMLESS = 50_000_000  # bytes of pixels, below which no ratio is a bomb
_WORKING = 5  # rasters that a decoder may hold at once: a TIFF of one strip, read, as RGBA, turned and as RGB
_COEFFICIENTS = 3  # rasters that libjpeg holds of a progressive JPEG at any scale: two bytes for each of four samples

_SCALES = {
    1: cv2.IMREAD_COLOR_RGB,
    # The names say grey, but beside the flag of RGB they give colour; those that say colour mean BGR, and are refused.
    2: cv2.IMREAD_COLOR_RGB | cv2.IMREAD_REDUCED_GRAYSCALE_2,
    4: cv2.IMREAD_COLOR_RGB | cv2.IMREAD_REDUCED_GRAYSCALE_4,
    8: cv2.IMREAD_COLOR_RGB | cv2.IMREAD_REDUCED_GRAYSCALE_8,
}
"""How many times smaller a JPEG can be decoded, each side rounded up: what its cosine transform leaves out is never
computed. OpenCV decodes every other format whole, and would only scale down afterwards."""


def decode(data: bytes, max_pixels: int, *, orient: bool = True, strict: bool = False) -> Pixels:
    """Decode a picture (the first frame of an animation) whole, as RGB; transparency is dropped.

    The parameters are those of `decode_reduced`.

    :returns: uint8 (height, width, 3)
    :raises PictureError: with one of the reasons of `schema.REASONS`
    """
    return decode_reduced(data, max_pixels, None, orient=orient, strict=strict).pixels


def decode_reduced(
    data: bytes, max_pixels: int, side: int | None, *, orient: bool = True, strict: bool = False
) -> Decoded:
    """Decode a picture as `decode` does; a JPEG at 1/2, 1/4 or 1/8 of its scale if that leaves the side needed.

    :param max_pixels: largest declared width x height
    :param side: pixels that the shorter side must keep, where it has them; None for the whole picture
    :param orient: turn the picture upright, as EXIF says; a TIFF is turned in any case, by a tag of its own
    :param strict: decode a second time with Pillow, and refuse a picture that the two see differently
    :raises PictureError: with one of the reasons of `schema.REASONS`
    """
    kind = picture_format(data)
    width, height = declared_size(data, kind)
    _check_size(width, height, len(data), max_pixels)
    if kind == "PNG" and not is_whole(data, kind):  # libpng would say so too, but on standard error
        raise PictureError("truncated", f"{kind}, {width}x{height}, {len(data)} bytes, no end marker")
    scale = _scale(width, height, side) if kind == "JPEG" and side else 1
    try:
        picture = _decoded(data, kind, (width, height), scale, orient)
        if strict and (difference := disagreement(data, kind, picture, orient, scale)):
            _ask_for_memory(width, height, scale)
            raise PictureError("decoder_disagrees", difference)
    except MemoryError:
        raise PictureError("bomb", f"{width}x{height}: needs more memory than this process may use") from None
    if scale == 1:
        return Decoded.whole(picture)
    was_turned = (width > height) != (picture.shape[1] > picture.shape[0])
    return Decoded(picture, height, width) if was_turned else Decoded(picture, width, height)


def _check_size(width: int, height: int, size: int, max_pixels: int) -> None:
    if width * height > max_pixels:
        raise PictureError("too_many_pixels", f"{width}x{height} = {width * height}; at most {max_pixels}")
    unpacked = 3 * width * height
    if unpacked > max(_HARMLESS, _RATIO * size):
        raise PictureError("bomb", f"{width}x{height} in {size} bytes, {unpacked // size}:1; at most {_RATIO}:1")


def _scale(width: int, height: int, side: int) -> int:
    """How many times smaller to decode: the most that leaves the side needed.

    What is not square must not become so: the decoder does not say whether EXIF turned a picture; its shape does.
    """
    for scale in (8, 4, 2):
        stays_oblong = width == height or -(-width // scale) != -(-height // scale)
        if min(width, height) >= scale * side and stays_oblong:
            return scale
    return 1


def _decoded(data: bytes, kind: str, size: tuple[int, int], scale: int, orient: bool) -> Pixels:
    """:raises MemoryError: whatever OpenCV makes of it"""
    width, height = size
    flags = _SCALES[scale] if orient else _SCALES[scale] | cv2.IMREAD_IGNORE_ORIENTATION
    detail = f"{kind}, {width}x{height}, {len(data)} bytes"
    try:
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as error:
        if error.code == cv2.Error.StsNoMem:
            raise MemoryError from None
        picture, detail = None, str(error).strip()
    if picture is None:
        _ask_for_memory(width, height, scale)
        raise undecodable(data, kind, detail)
    return picture.astype(np.uint8, copy=False)


def _ask_for_memory(width: int, height: int, scale: int) -> None:
    """Decoders report a lack of memory as they report damage; asking for as much as they need tells them apart.

    :raises MemoryError: if it was that
    """
    rasters = _WORKING if scale == 1 else _COEFFICIENTS + _WORKING / scale**2
    np.empty(round(rasters * 3 * width * height), np.uint8)
