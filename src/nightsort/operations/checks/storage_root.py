"""Owns the check of a storage root: rights, room, who holds it, what classifies.

Invariant: what it writes to try the rights is gone again. Does not know how a run uses the root.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

from nightsort.learning.card import load_card
from nightsort.learning.registry import Registry
from nightsort.leases.claims import Note
from nightsort.leases.lease import holders
from nightsort.operations.checks.finding import Finding, fail, ok, warn
from nightsort.operations.checks.probing import probe
from nightsort.operations.room import room
from nightsort.schema import IMAGES
from nightsort.scoring.trials.choice import backend_for
from nightsort.storage import Storage
from nightsort.tables import Table

_TOO_LITTLE, _SCARCE = 100_000_000, 1_000_000_000  # bytes


def rights(storage: Storage) -> Iterator[Finding]:
    """Whether what a run does to the root can be done."""
    if storage.is_local and not storage.exists(""):
        yield warn("storage", f"{storage.root} is not there", "see whether its disk is mounted; the first run makes it")
        return
    found = probe(storage)
    for capability in found:
        if not capability.ok:
            yield fail("storage", f"{storage.root}: {capability.name}: {capability.told}", "mend it: no run can work")
    if all(capability.ok for capability in found):
        yield ok("storage", f"{storage.root}: {', '.join(capability.name for capability in found)}")


def disk(storage: Storage) -> Iterator[Finding]:
    """Room, against what is there."""
    left = room(storage)
    if left is None:
        return
    pictures = sum(Table(storage, "dataset/images", IMAGES).sizes())
    told = (
        f"{left.free / 1e9:.1f} of {left.total / 1e9:.1f} GB free, the dataset's pictures take {pictures / 1e9:.1f} GB"
    )
    if left.free < _TOO_LITTLE:
        yield fail("disk", told, "make room: runs fail with 'No space left on device'; nothing committed is lost")
    elif left.free < max(_SCARCE, pictures):
        yield warn("disk", f"{told}: not enough for a second copy", "make room, before a merge or a backup needs it")
    else:
        yield ok("disk", told)


def leases(storage: Storage) -> Iterator[Finding]:
    """Who writes now, and who died of it."""
    held = [(name, note) for name, note in holders(storage) if not note.released]
    for name, note in held:
        who = (
            f"lease {name}: run {note.run or 'unnamed'}, process {note.pid} on {note.host}, last heard of {_ago(note)}"
        )
        if note.has_expired():
            yield warn("leases", f"{who}, is dead or cut off", "nothing: the next run takes over; see why it ended")
        else:
            yield ok("leases", f"{who}, is at work")
    if not held:
        yield ok("leases", "none is held")


def champion(storage: Storage) -> Iterator[Finding]:
    """The model that classifies, and what computes it here."""
    version = Registry(storage).champion()
    if version is None:
        yield warn("champion", "there is none, so nothing can be classified", "run 'nightsort ingest', then 'train'")
        return
    card = load_card(storage, version)
    card.preprocess()
    backend, why = backend_for(storage, card)
    told = f"model {version}, {card.model}"
    if backend is None:
        yield warn("champion", f"{told}; {why}", "nothing: the next run measures first what computes it fastest here")
    else:
        yield ok("champion", f"{told}, computed by {backend}")


def _ago(note: Note) -> str:
    seconds = max(0.0, (datetime.now(UTC) - note.heartbeat).total_seconds())
    return f"{seconds:.0f} s ago" if seconds < 7200 else f"{seconds / 3600:.0f} h ago"
