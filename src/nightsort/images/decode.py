"""Owns the way from untrusted bytes to an upright RGB array.

Invariant: nothing is allocated for a picture before its declared size has been checked, and every
failure is a :class:`PictureError` with a typed reason. Training and scoring both come through here.
Does not know where the bytes came from.
"""

import io
import os
import warnings
from typing import Literal

# OpenCV reads these once, when it is imported. Its log repeats what a quarantine row says.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(2**30))
os.environ.setdefault("OPENCV_LOG_LEVEL", "OFF")

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from nightsort.errors import PictureError

Pixels = npt.NDArray[np.uint8]
"""An upright picture: (height, width, 3), red first."""

cv2.setNumThreads(0)  # parallelism is by picture; threads inside one picture would fight over the cores
Image.MAX_IMAGE_PIXELS = None  # the cap is ours, checked on the header below

_ALLOWED = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF")
_PNG_END = b"IEND\xaeB`\x82"
_JPEG_END = b"\xff\xd9"
_END_WINDOW = 64  # bytes; a JPEG's end marker may be followed by a little padding

_SIGNATURES = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"BM", "BMP"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
)
_OTHER_PICTURES = ((b"8BPS", "PSD"), (b"\x00\x00\x01\x00", "ICO"), (b"\x00\x00\x00\x0cjP", "JPEG 2000"))
_ISO_BRANDS = {b"heic": "HEIC", b"heix": "HEIC", b"mif1": "HEIF", b"avif": "AVIF"}


def picture_format(data: bytes) -> str:
    """Name of the format by the first bytes, whatever the file is called.

    :raises PictureError: `empty`, `not_an_image` or `unsupported_format`
    """
    if not data:
        raise PictureError("empty", "0 bytes")
    for signature, name in _SIGNATURES:
        if data.startswith(signature):
            return name
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    for signature, name in _OTHER_PICTURES:
        if data.startswith(signature):
            raise PictureError("unsupported_format", f"{name}; allowed are {', '.join(_ALLOWED)}")
    if data[4:8] == b"ftyp" and data[8:12] in _ISO_BRANDS:
        raise PictureError("unsupported_format", f"{_ISO_BRANDS[data[8:12]]}; allowed are {', '.join(_ALLOWED)}")
    raise PictureError("not_an_image", f"first bytes {data[:12]!r}")


def declared_size(data: bytes, kind: str) -> tuple[int, int]:
    """Width and height that the header declares, in pixels; nothing is decoded.

    :raises PictureError: `corrupt` or `truncated` if the header cannot be read
    """
    if kind == "WEBP" and (size := _webp_canvas(data)):
        return size
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=[kind]) as header:
                return header.size
    except UnidentifiedImageError:  # its text is the address of a buffer
        raise _undecodable(data, kind, f"{kind}, {len(data)} bytes, no usable header") from None
    except Exception as error:  # Pillow raises what its parsers raise: struct, Syntax, Value, OS errors
        raise _undecodable(data, kind, f"header: {error}") from None


def decode(data: bytes, max_pixels: int) -> Pixels:
    """Decode a picture (the first frame of an animation) upright, as RGB; transparency is dropped.

    :param max_pixels: largest declared width x height
    :returns: uint8 (height, width, 3)
    :raises PictureError: with one of the reasons of `schema.REASONS`
    """
    kind = picture_format(data)
    width, height = declared_size(data, kind)
    if width * height > max_pixels:
        raise PictureError("too_many_pixels", f"{width}x{height} = {width * height}; at most {max_pixels}")
    if kind == "PNG" and not _is_whole(data, kind):  # libpng would say so too, but on standard error
        raise PictureError("truncated", f"{kind}, {width}x{height}, {len(data)} bytes, no end marker")
    try:
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
    except cv2.error as error:
        raise _undecodable(data, kind, str(error).strip()) from None
    if picture is None:
        raise _undecodable(data, kind, f"{kind}, {width}x{height}, {len(data)} bytes")
    return picture.astype(np.uint8, copy=False)


def _webp_canvas(data: bytes) -> tuple[int, int] | None:
    """Width and height of a WebP; Pillow sets memory aside for the whole canvas before it tells them.

    The offsets are those of the WebP container specification and of RFC 6386 for plain VP8.
    """
    if len(data) < 30:
        return None
    match data[12:16]:
        case b"VP8X":
            return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
        case b"VP8L":
            bits = int.from_bytes(data[21:25], "little")
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8 ":
            return int.from_bytes(data[26:28], "little") & 0x3FFF, int.from_bytes(data[28:30], "little") & 0x3FFF
    return None


def _undecodable(data: bytes, kind: str, detail: str) -> PictureError:
    """OpenCV does not say what was wrong; whether the end is missing tells the two reasons apart."""
    return PictureError("corrupt" if _is_whole(data, kind) else "truncated", detail)


def _is_whole(data: bytes, kind: str) -> bool:
    """Whether the file reaches the end that its format promises; as far as the header says for TIFF."""
    match kind:
        case "JPEG":
            return _JPEG_END in data[-_END_WINDOW:]
        case "PNG":
            return _PNG_END in data  # anything may follow it
        case "GIF":
            return data.rstrip(b"\x00").endswith(b";")
        case "WEBP":
            return len(data) >= int.from_bytes(data[4:8], "little") + 8
        case "BMP":
            return len(data) >= int.from_bytes(data[2:6], "little")
        case _:
            order: Literal["little", "big"] = "little" if data.startswith(b"II") else "big"
            return len(data) > int.from_bytes(data[4:8], order)  # where the first directory lies
