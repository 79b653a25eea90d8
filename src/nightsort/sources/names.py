"""Owns the names of an archive's members: each member gets one of its own.

Invariant: a name that occurs twice, also in other capitals, is told apart by a suffix, so that no member
hides another. Memory is 8 bytes a member, whatever the names are.
Does not know what the members are.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from nightsort.sources.entry import DAMAGE, Entry

_BATCH = 8192

_Hashes = npt.NDArray[np.int64]
_Mask = npt.NDArray[np.bool_]


def tell_apart(entries: Iterator[Entry]) -> Iterator[Entry]:
    """The same entries with names of their own: `name#7` is the seventh entry, where another has its name."""
    seen = np.empty(0, np.int64)  # sorted
    count = 0
    for batch in _batches(entries):
        hashes = np.fromiter((_hash(entry.name) for entry in batch), np.int64, len(batch))
        taken = set()
        again = np.flatnonzero(_found(seen, hashes) | _repeated(hashes))
        if len(again):
            taken = set(hashes.tolist())
        for at in again:
            suffix = f"#{count + at + 1}"
            name = batch[at].name + suffix
            while (key := _hash(name)) in taken or _found(seen, np.array([key]))[0]:
                name += suffix
            batch[at] = replace(batch[at], name=name)
            taken.add(key)
        yield from batch
        count += len(batch)
        fresh = np.unique(np.fromiter(taken, np.int64, len(taken)) if taken else hashes)
        fresh = fresh[~_found(seen, fresh)]
        seen = np.insert(seen, np.searchsorted(seen, fresh), fresh)


def is_name_of(name: str, original: str) -> bool:
    """Whether `tell_apart` may have given this name to a member called `original`."""
    return name == original or name.startswith(f"{original}#")


def _batches(entries: Iterator[Entry]) -> Iterator[list[Entry]]:
    batch: list[Entry] = []
    try:
        for entry in entries:
            batch.append(entry)
            if len(batch) == _BATCH:
                yield batch
                batch = []
    except DAMAGE:
        yield batch  # what came before the damage counts
        raise
    yield batch


def _hash(name: str) -> int:
    """64 bits, salted by the interpreter, so that nobody can choose names that collide."""
    return hash(name.casefold())


def _found(seen: _Hashes, hashes: _Hashes) -> _Mask:
    if not len(seen):
        return np.zeros(len(hashes), np.bool_)
    places = np.minimum(np.searchsorted(seen, hashes), len(seen) - 1)
    found: _Mask = seen[places] == hashes
    return found


def _repeated(hashes: _Hashes) -> _Mask:
    """True where an earlier element is equal, and where the name is empty."""
    repeated = np.ones(len(hashes), np.bool_)
    repeated[np.unique(hashes, return_index=True)[1]] = False
    repeated |= hashes == hash("")
    return repeated
