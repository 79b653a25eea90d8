"""Draws a contact sheet of a dataset: a row for each class, the commonest first, as the model gets to see them.

python contact_sheet.py factory/nightsort-data factory/pictures.png
"""

import sys
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pyarrow.compute as pc
from deltalake import DeltaTable
from numpy.typing import NDArray

COLUMNS, SIDE = 6, 120  # pictures in a row; pixels of the longer side of each


def sheet(storage: str) -> NDArray[np.uint8]:
    """(height, width, 3), blue first.

    :param storage: the storage root, a folder
    """
    examples = DeltaTable(f"{storage}/dataset/examples").to_pyarrow_table(columns=["sha256", "label", "group"])
    images = DeltaTable(f"{storage}/dataset/images").to_pyarrow_table()
    rows = []
    for label, _ in Counter(examples["label"].to_pylist()).most_common():
        of_class = examples.filter(pc.equal(examples["label"], label)).sort_by("sha256").to_pylist()
        groups = list({row["group"]: row["sha256"] for row in of_class}.values())[:COLUMNS]
        found = images.filter(pc.is_in(images["sha256"], pc.cast(groups, images.schema.field("sha256").type)))
        tiles = [tile(data) for data in found["image"].to_pylist()]
        rows.append(np.hstack([*tiles, *[np.full_like(tiles[0], 255)] * (COLUMNS - len(tiles))]))
    return np.vstack(rows)


def tile(data: bytes) -> NDArray[np.uint8]:
    """One picture on a white square."""
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    factor = SIDE / max(picture.shape[:2])
    small = cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    height, width = small.shape[:2]
    square = np.full((height + 4, SIDE + 4, 3), 255, np.uint8)
    square[2 : 2 + height, 2 : 2 + width] = small
    return square


def main() -> None:
    """Write it, as PNG of at most 256 colours' worth of detail."""
    storage, into = sys.argv[1:]
    Path(into).write_bytes(bytes(cv2.imencode(".png", sheet(storage), [cv2.IMWRITE_PNG_COMPRESSION, 9])[1]))


if __name__ == "__main__":
    main()
