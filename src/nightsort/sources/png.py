"""Owns the bytes of pictures that never were files: elements of an array, frames of a video.

Invariant: equal pixels are equal bytes, whatever versions of libraries are installed, because a picture's
identity is the hash of its bytes. Hence PNG, written here and without compression: a compressor may pack
better tomorrow. It is lossless and costs no more than a checksum.
"""

import struct
import zlib

import numpy as np
import numpy.typing as npt

_MAGIC = b"\x89PNG\r\n\x1a\n"
_BLOCK = 65_535  # bytes of a stored block of deflate, at most
_FRAME = 8 + 25 + 12 + 6 + 12  # magic, IHDR, IDAT's frame, zlib's header and checksum, IEND


def png(pixels: npt.NDArray[np.uint8]) -> bytes:
    """A PNG file as its specification (ISO/IEC 15948) has it, of filter none and stored blocks of deflate.

    :param pixels: uint8, (height, width) grey or (height, width, 3) RGB
    """
    height, width = pixels.shape[:2]
    raw = np.zeros((height, 1 + pixels[0].size), np.uint8)  # each row begins with its filter: 0, none
    raw[:, 1:] = pixels.reshape(height, -1)
    data = raw.tobytes()
    header = struct.pack(">2I5B", width, height, 8, 2 if pixels.ndim == 3 else 0, 0, 0, 0)
    return _MAGIC + _chunk(b"IHDR", header) + _chunk(b"IDAT", _stored(data)) + _chunk(b"IEND", b"")


def png_size(height: int, width: int, channels: int) -> int:
    """Bytes of the PNG of a picture of this shape."""
    data = height * (1 + width * channels)
    return _FRAME + data + 5 * -(-data // _BLOCK)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return b"".join((struct.pack(">I", len(data)), kind, data, struct.pack(">I", zlib.crc32(data, zlib.crc32(kind)))))


def _stored(data: bytes) -> bytes:
    parts = [b"\x78\x01"]
    for start in range(0, len(data), _BLOCK):
        block = data[start : start + _BLOCK]
        is_last = start + _BLOCK >= len(data)
        parts += [struct.pack("<BHH", is_last, len(block), len(block) ^ 0xFFFF), block]
    return b"".join([*parts, struct.pack(">I", zlib.adler32(data))])
