"""Owns the pictures that are shown to people: read again from where they lie, upright, of a handy size.

Invariant: what is written was decoded under guard and encoded anew, so that nothing else of a stranger's file is
passed on; one that cannot be shown is named, with why. Does not know who looks at them.
"""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import pyarrow as pa

from nightsort.errors import PictureError, WriteError
from nightsort.images.decode import decode_reduced
from nightsort.review.queue import Item
from nightsort.sources.files import Access
from nightsort.sources.reader import read_unchanged

SIDE = 1024
"""Pixels of the longer side of a picture, at most."""

_QUALITY = 92
_READ = ("sha256", "path", "member", "size")
_PREVIEW = 512  # pixels of the longer side of a picture that travels inside a file


@dataclass(frozen=True)
class Shown:
    """A picture of the queue, as it is shown.

    :param picture: path of the file from the export's folder; empty if it cannot be shown
    :param problem: why it cannot
    """

    item: Item
    picture: str
    problem: str = ""


def write_pictures(
    items: list[Item], folder: Path, max_pixels: int, access: Access, on_progress: Callable[[int], object]
) -> list[Shown]:
    """Write `pictures/<sha256>.jpg` of each item below a folder.

    :returns: one for each item, in their order
    """
    (folder / "pictures").mkdir()
    problems: dict[str, str] = {}
    rows = [{name: item.prediction[name] for name in _READ} for item in items]
    for row, data in read_unchanged(pa.Table.from_pylist(rows), access):
        try:
            if isinstance(data, PictureError):
                raise data
            picture = decode_reduced(data, max_pixels, SIDE).pixels
            (folder / "pictures" / f"{row['sha256']}.jpg").write_bytes(_jpeg(picture[..., ::-1], SIDE))
        except PictureError as error:
            problems[row["sha256"]] = str(error)
        on_progress(1)
    return [
        Shown(item, "" if item.sha256 in problems else f"pictures/{item.sha256}.jpg", problems.get(item.sha256, ""))
        for item in items
    ]


def preview(file: Path) -> bytes:
    """A JPEG with fewer pixels of one that `write_pictures` wrote."""
    picture = cv2.imread(str(file), cv2.IMREAD_COLOR)
    if picture is None:
        raise WriteError(f"{file}: is not there any more, or was changed while the export went on")
    return _jpeg(picture, _PREVIEW)


def place_beside(file: Path, target: Path) -> None:
    """The same picture under another name, without taking room twice where the disk allows it."""
    try:
        os.link(file, target)
    except OSError:
        shutil.copyfile(file, target)


def _jpeg(picture: cv2.typing.MatLike, side: int) -> bytes:
    """:param picture: (height, width, 3) in the order of OpenCV, blue first"""
    height, width = picture.shape[:2]
    if (factor := side / max(height, width)) < 1:
        size = max(1, round(width * factor)), max(1, round(height * factor))
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    return bytes(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1])
