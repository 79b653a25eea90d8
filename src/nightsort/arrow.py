"""Owns what Nightsort adds to Arrow: a first use without pandas, and the values of a column counted.

Arrow imports pandas, if it is installed, as soon as it is given a Python list, and its datasets when they are
imported: seconds and 60 MB for each process, for conversions that Nightsort never asks for. cleanlab brings it along.

Invariant: pandas can still be imported by who wants it. Does not know who uses Arrow.
"""

import sys
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc


class _Absent:
    """Finds nothing but that pandas is not there."""

    @staticmethod
    def find_spec(name: str, path: object, target: object = None) -> None:
        if name == "pandas":
            raise ImportError("asked for by Arrow alone")


def without_pandas() -> None:
    """Have Arrow look for pandas now, find none, and remember; nothing happens where pandas is loaded already."""
    if "pandas" not in sys.modules:
        sys.meta_path.insert(0, _Absent)
        try:
            pa.array([0])
        finally:
            sys.meta_path.remove(_Absent)


def frequencies(column: pa.Array | pa.ChunkedArray) -> dict[Any, int]:
    """How often each value occurs, in the order in which they occur first.

    >>> frequencies(pa.array(["cat", "dog", "cat"]))
    {'cat': 2, 'dog': 1}
    """
    counted = pc.value_counts(column)
    return dict(zip(counted.field("values").to_pylist(), counted.field("counts").to_pylist(), strict=True))


without_pandas()

from pyarrow import dataset as dataset  # noqa: E402  Nightsort's own modules have it from here, so that it comes second
