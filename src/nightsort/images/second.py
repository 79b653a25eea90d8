"""Owns the second opinion: Pillow's view of a picture, against which OpenCV's is held in strict mode.

Invariant: two right decoders of one picture never disagree here. Does not know which of them is right.
"""

import io
import warnings

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

# Of pixels, in grey levels. Over every format and colour mode the two differ by 1 at most (CMYK).
_TOLERANCE = 4.0

_COMPARABLE = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr")
"""Modes that Pillow turns into RGB bytes as OpenCV does; of 16 bits and of CIELAB only the size is compared."""


def disagreement(data: bytes, kind: str, picture: NDArray[np.uint8], orient: bool, scale: int = 1) -> str:
    """What Pillow sees otherwise, for a person to read; empty if it sees the same.

    :param picture: what OpenCV decoded, uint8 (height, width, 3)
    :param orient: whether it was turned upright
    :param scale: how many times smaller than the original it was decoded, a JPEG; Pillow does the same, since it is
        the pixels that are used on which the two have to agree, and libjpeg reads every byte at any scale
    :raises MemoryError: if there is not enough for a second picture
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=[kind]) as image:
                if scale > 1:
                    image.draft(None, (image.width // scale, image.height // scale))
                image.load()
                return _compare(ImageOps.exif_transpose(image) if orient else image, picture)
    except MemoryError:
        raise
    except Exception as error:  # Pillow raises what its parsers raise: struct, Syntax, Value, OS errors
        return f"OpenCV decodes it, Pillow does not: {error}"


def _compare(image: Image.Image, picture: NDArray[np.uint8]) -> str:
    height, width = picture.shape[:2]
    if image.size != (width, height):
        return f"OpenCV sees {width}x{height}, Pillow {image.width}x{image.height}"
    if image.mode not in _COMPARABLE:
        return ""
    other = np.asarray(image.convert("RGBA"))
    opaque = np.uint8(255) * (other[..., 3] == 255)  # what is transparent has no colour to agree on
    difference = cv2.mean(cv2.absdiff(picture, cv2.cvtColor(other, cv2.COLOR_RGBA2RGB)), mask=opaque)
    mean = sum(difference[:3]) / 3
    return f"the pixels differ by {mean:.1f} grey levels on average; at most {_TOLERANCE}" if mean > _TOLERANCE else ""
