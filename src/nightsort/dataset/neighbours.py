"""Owns the search for near hashes: pairs of 64-bit hashes that differ in few bits.

Invariant: every pair within the radius is found, once, without looking at all pairs; memory is
bounded by the two sides and one block of candidates.
Does not know what was hashed.
"""

from collections.abc import Iterator
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]
Pairs = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint8]]
_Ranges = tuple[NDArray[np.int64], NDArray[np.int64]]

_BANDS = 4
_BAND_BITS = 16
_BLOCK = 1_000_000  # candidates looked at together


def pairs(left: Hashes, right: Hashes, radius: int) -> Iterator[Pairs]:
    """Every pair of hashes that differ in at most `radius` bits, in blocks and in no particular order.

    Multi-index hashing (Norouzi, Punjani, Fleet, CVPR 2012): of four bands of 16 bits, one differs in few bits, and
    the hashes that have such a band are looked up. The bits allowed in the bands add up to radius - 3, since were
    each band over its own, the hashes would differ in more than `radius` (pigeonhole principle).

    :param left: (N,) hashes; 0, the hash of a picture without texture, is in no pair
    :param right: (M,) hashes, the larger side if one is larger
    :param radius: largest Hamming distance, in bits; negative finds nothing
    :returns: blocks of (index into left, index into right, distance)
    """
    ours, theirs = np.flatnonzero(left), np.flatnonzero(right)
    left, right = left[ours], right[theirs]
    errors = [(radius + 1 + band) // _BANDS - 1 for band in range(_BANDS)]
    for band in range(_BANDS):
        keys = _band(right, band)
        order = np.argsort(keys.astype(np.uint16), kind="stable")
        starts = np.concatenate([[0], np.bincount(keys, minlength=2**_BAND_BITS).cumsum()])
        indexed, wanted = right[order], _band(left, band)
        for flip in _flips(errors[band]):
            key = wanted ^ flip
            for rows, places in _within(left, indexed, (starts[key], starts[key + 1]), radius):
                differing = left[rows] ^ indexed[places]
                fresh = np.ones(len(rows), bool)
                for earlier in range(band):  # what an earlier band has found
                    fresh &= np.bitwise_count(_band(differing, earlier)) > errors[earlier]
                if fresh.any():
                    found = ours[rows[fresh]], theirs[order[places[fresh]]]
                    yield *found, np.bitwise_count(differing[fresh])


def _flips(errors: int) -> list[int]:
    """Every pattern of at most `errors` flipped bits in a band; none for -1."""
    bits = [1 << bit for bit in range(_BAND_BITS)]
    return [sum(chosen) for count in range(errors + 1) for chosen in combinations(bits, count)]


def _band(hashes: Hashes, band: int) -> NDArray[np.int64]:
    return ((hashes >> np.uint64(_BAND_BITS * band)) & np.uint64(2**_BAND_BITS - 1)).astype(np.int64)


def _within(left: Hashes, indexed: Hashes, ranges: _Ranges, radius: int) -> Iterator[_Ranges]:
    """Of row i against the places first[i]..last[i], those within the radius as (rows, places), a block at a time."""
    first, last = ranges
    hits = np.flatnonzero(last > first)
    counts = (last - first)[hits]
    ends = counts.cumsum()
    blocks = np.searchsorted(ends, np.arange(_BLOCK, ends[-1] if len(ends) else 0, _BLOCK), side="right")
    for block in np.split(np.arange(len(hits)), np.unique(blocks)):
        size, rows = counts[block], hits[block]
        shift = first[rows] - (size.cumsum() - size)
        places = np.arange(size.sum()) + np.repeat(shift, size)
        near = np.flatnonzero(np.bitwise_count(np.repeat(left[rows], size) ^ indexed[places]) <= radius)
        yield np.repeat(rows, size)[near], places[near]
