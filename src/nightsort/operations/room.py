"""Owns how much room there is where a storage root lies.

Invariant: the nearest folder that is there answers for one that is not made yet. Does not know what is enough.
"""

import shutil
from pathlib import Path
from typing import NamedTuple

from nightsort.storage import Storage


class Room(NamedTuple):
    """Bytes of a disk."""

    free: int
    total: int


def room(storage: Storage) -> Room | None:
    """Room of the disk of a storage root; None if it is in an object store, which has no end."""
    return room_at(Path(storage.root)) if storage.is_local else None


def room_at(place: Path) -> Room:
    """Room of the disk that a folder lies on."""
    while not place.exists() and place != place.parent:
        place = place.parent
    usage = shutil.disk_usage(place)
    return Room(usage.free, usage.total)
