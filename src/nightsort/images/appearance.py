"""Owns all that is noted of how a picture looks: its measures and its hashes, from one grey copy.

Invariant: the same figures as `measure`, `phash` and `dhash` give for the picture itself.
Does not know what they are used for.
"""

from dataclasses import replace

from nightsort.images.decode import Decoded
from nightsort.images.dhash import dhash
from nightsort.images.grey import grey
from nightsort.images.phash import phash
from nightsort.images.quality import SIDE, measure

_HASHED = 64  # pixels of the shorter side, at least


def appearance(picture: Decoded) -> dict[str, float]:
    """Measure and hash one picture.

    :returns: the columns of `schema.MEASURES`, and phash, dhash and dhash_vertical
    """
    levels = grey(picture.pixels, SIDE)
    smaller = grey(levels, _HASHED)
    to_right, downwards = dhash(smaller)
    return {
        **measure(replace(picture, pixels=levels)),
        "phash": phash(smaller),
        "dhash": to_right,
        "dhash_vertical": downwards,
    }
