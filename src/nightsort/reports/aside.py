"""Owns pictures of what a run set aside: a few for each reason, where there is a picture to be seen.

Invariant: bytes that are known to harm a decoder are never given to one; what cannot be decoded is left out.
Does not know why a picture was set aside.
"""

import io
import struct
from collections.abc import Iterable

import numpy as np
from PIL import Image

from nightsort.errors import PictureError
from nightsort.images.decode import Pixels, decode_reduced
from nightsort.images.header import declared_size
from nightsort.images.preprocess import reduce
from nightsort.quarantine import Quarantine
from nightsort.reports.night import MAX_ASIDE
from nightsort.reports.shown import Thumbnail
from nightsort.reports.thumbnails import data_uri
from nightsort.schema import place

_SIDE = 112  # pixels of the longer side of a thumbnail, at most
_PIXELS = 25_000_000  # of an original; a larger one is not worth the memory
_CONSIDERED = 3 * MAX_ASIDE  # of a reason, of which most may turn out not to be decodable
_START, _END = b"\xff\xd8\xff", b"\xff\xd9"  # of a JPEG

_SHOWABLE = (
    "poor_quality",
    "label_conflict",
    "straddles_splits",
    "decoder_disagrees",
    "no_label",
    "truncated",
    "corrupt",
)
"""Reasons for which there may be a picture all the same, none of which harms the process that decodes it."""


def pictures(aside: Quarantine, run_id: str, reasons: Iterable[str], max_pixels: int) -> dict[str, list[Thumbnail]]:
    """What can be seen of what a run set aside: {reason: at most MAX_ASIDE pictures}, only reasons that have some.

    :param reasons: those that the run set something aside for
    """
    present = set(reasons)
    shown = {
        reason: _decodable(aside.kept(run_id, reason, _CONSIDERED), min(max_pixels, _PIXELS))
        for reason in _SHOWABLE
        if reason in present
    }
    return {reason: found for reason, found in shown.items() if found}


def _decodable(rows: Iterable[dict[str, object]], max_pixels: int) -> list[Thumbnail]:
    found: list[Thumbnail] = []
    for row in rows:
        if image := _image(row["content"], max_pixels):
            name = place(str(row["path"]), str(row["member"]))
            note = str(row["detail"])
            found.append(Thumbnail(path=name, label=str(row["label"] or ""), note=note, image=image))
        if len(found) == MAX_ASIDE:
            break
    return found


def _image(content: object, max_pixels: int) -> str:
    if not isinstance(content, bytes):
        return ""
    try:
        return data_uri(reduce(_pixels(content, max_pixels), 2 * _SIDE), _SIDE)
    except (PictureError, OSError, ValueError, SyntaxError, struct.error):  # all but the first are Pillow's
        return ""


def _pixels(content: bytes, max_pixels: int) -> Pixels:
    """A picture, or what there is of a JPEG that was cut off; the rest of it is grey."""
    try:
        return decode_reduced(content, max_pixels, 2 * _SIDE).pixels
    except PictureError as error:
        if error.reason != "truncated" or not content.startswith(_START):
            raise
    width, height = declared_size(content, "JPEG")
    # With an end marker a decoder makes do with what came. Pillow's says nothing of it; OpenCV's would on the terminal.
    with Image.open(io.BytesIO(content + _END), formats=["JPEG"]) as image:
        image.draft("RGB", (min(width, 2 * _SIDE), min(height, 2 * _SIDE)))
        return np.asarray(image.convert("RGB"))
