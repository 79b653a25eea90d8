"""Owns the pictures shown in a report: a bounded handful, read again from where they came from.

Invariant: a picture that cannot be read any more is shown without pixels, never left out.
Does not know why these were chosen.
"""

import pyarrow as pa

from nightsort.errors import PictureError
from nightsort.images.decode import decode
from nightsort.images.preprocess import reduce
from nightsort.reports.data import Thumbnail
from nightsort.reports.thumbnails import data_uri
from nightsort.schema import place
from nightsort.sources.reader import read


def thumbnails(rows: pa.Table, max_pixels: int, max_bytes: int) -> list[Thumbnail]:
    """One thumbnail a row, in the order of the rows.

    :param rows: columns path, member, label, confidence, runner_up and margin of the predictions
    """
    images = {
        (row["path"], row["member"]): "" if isinstance(data, PictureError) else _image(data, max_pixels)
        for row, data in read(rows, max_bytes)
    }
    return [
        Thumbnail(
            path=place(row["path"], row["member"]),
            image=images[row["path"], row["member"]],
            **{name: row[name] for name in ("label", "confidence", "runner_up", "margin")},
        )
        for row in rows.to_pylist()
    ]


def _image(data: bytes, max_pixels: int) -> str:
    try:
        return data_uri(reduce(decode(data, max_pixels), 224))
    except PictureError:
        return ""
