"""Owns how Arrow is first used in a process: without pandas.

Arrow imports pandas, if it is installed, as soon as it is given a Python list, and its datasets when they are
imported: seconds and 60 MB for each process, for conversions that Nightsort never asks for. cleanlab brings it along.

Invariant: pandas can still be imported by who wants it. Does not know who uses Arrow.
"""

import sys

import pyarrow as pa


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


without_pandas()

from pyarrow import dataset as dataset  # noqa: E402  Nightsort's own modules have it from here, so that it comes second
