"""Owns the short keys by which millions of pictures are told apart in memory: 64 bits of the SHA-256.

Invariant: the same picture has the same key everywhere. Of ten million pictures two share one with a probability of
3e-6; one of the two is then not asked about. Does not know what a key stands for.
"""

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Keys = NDArray[np.uint64]

_DIGITS = 16  # hexadecimal, of a key
_MIX = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))  # of splitmix64


def keys_of(sha256: pa.Array) -> Keys:
    """The keys of pictures, uint64 (n,).

    :param sha256: hexadecimal, none of them null
    """
    if not len(sha256):
        return np.empty(0, np.uint64)
    digits = pc.cast(pc.utf8_slice_codeunits(sha256, 0, _DIGITS), pa.binary(_DIGITS))
    text = bytes(digits.buffers()[1])[_DIGITS * digits.offset :][: _DIGITS * len(digits)]
    return np.frombuffer(bytes.fromhex(text.decode("ascii")), ">u8").astype(np.uint64)


def all_keys(columns: Iterable[pa.Array]) -> Keys:
    """The distinct keys of columns of sha256, ascending."""
    return np.unique(np.concatenate([np.empty(0, np.uint64), *(keys_of(column) for column in columns)]))


def is_in(keys: Keys, known: Keys) -> NDArray[np.bool_]:
    """Which keys are among those known.

    :param keys: uint64 (N,)
    :param known: ascending
    :returns: bool (N,)
    """
    if not len(known):
        return np.zeros(len(keys), np.bool_)
    place = np.minimum(np.searchsorted(known, keys), len(known) - 1)
    return np.asarray(known[place] == keys)


def lots(keys: Keys) -> Keys:
    """A draw for each picture, the same every time: the finaliser of splitmix64 (Steele, Lea and Flood 2014)."""
    drawn = keys.copy()
    for shift, factor in _MIX:
        drawn = (drawn ^ (drawn >> np.uint64(shift))) * np.uint64(factor)
    return np.asarray(drawn ^ (drawn >> np.uint64(31)))
