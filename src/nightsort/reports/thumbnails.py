"""Owns small pictures in a page: an array in, a data URI out.

Invariant: the bytes are encoded here, so nothing of the original file (metadata, trailing data)
reaches a report. Does not know where the picture came from.
"""

import base64

import cv2
import numpy as np
from numpy.typing import NDArray

_QUALITY = 80


def data_uri(array: NDArray[np.uint8], side: int = 112) -> str:
    """Encode a picture as a small JPEG.

    :param array: (H, W, 3) RGB, uint8
    :param side: longer side of the result in pixels, at most; smaller pictures keep their size
    :return: data:image/jpeg;base64,...
    """
    height, width = array.shape[:2]
    scale = min(1.0, side / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(array, size, interpolation=cv2.INTER_AREA)
    _, encoded = cv2.imencode(".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return "data:image/jpeg;base64," + base64.b64encode(encoded.tobytes()).decode("ascii")
