"""Draws a contact sheet of a dataset: a row for each class, the commonest first, as the model gets to see them.

python contact_sheet.py factory/nightsort-data factory/pictures.png
"""

import io
import sys
from collections import Counter

import pyarrow.compute as pc
from deltalake import DeltaTable
from PIL import Image

COLUMNS, WIDTH, GAP = 6, 90, 4  # pictures in a row; pixels of the width of each, and between them
COLOURS = 128  # of the sheet, so that it is small


def sheet(storage: str) -> Image.Image:
    """One picture a group, so that no two are nearly the same.

    :param storage: the storage root, a folder
    """
    examples = DeltaTable(f"{storage}/dataset/examples").to_pyarrow_table(columns=["sha256", "label", "group"])
    images = DeltaTable(f"{storage}/dataset/images").to_pyarrow_table()
    pictures = dict(zip(images["sha256"].to_pylist(), images["image"].to_pylist(), strict=True))
    rows = []
    for label, _ in Counter(examples["label"].to_pylist()).most_common():
        of_class = examples.filter(pc.equal(examples["label"], label)).sort_by("sha256").to_pylist()
        groups = {row["group"]: row["sha256"] for row in of_class}
        rows.append([tile(pictures[sha256]) for sha256 in list(groups.values())[:COLUMNS]])
    high = max(picture.height for row in rows for picture in row)
    whole = Image.new("RGB", (COLUMNS * (WIDTH + GAP) - GAP, len(rows) * (high + GAP) - GAP), "white")
    for y, row in enumerate(rows):
        for x, picture in enumerate(row):
            whole.paste(picture, (x * (WIDTH + GAP), y * (high + GAP)))
    return whole.quantize(COLOURS)


def tile(data: bytes) -> Image.Image:
    """One picture, so wide as all."""
    picture = Image.open(io.BytesIO(data)).convert("RGB")
    return picture.resize((WIDTH, round(WIDTH * picture.height / picture.width)), Image.Resampling.LANCZOS)


if __name__ == "__main__":
    sheet(sys.argv[1]).save(sys.argv[2], optimize=True)
