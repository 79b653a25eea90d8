"""Owns the lease: one writer of a kind for each storage root.

Invariant: tokens only grow, and who was taken over is told so before it commits. A holder that dies,
however it dies, leaves the lease free: at once on its own machine, after its expiry on another.
Does not know how the notes of holders are kept, on a disk or in a bucket.

    leases/<name>/<token>.json    who holds it, since when, until when unless it is heard of again
"""

import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

from nightsort.datafiles import Ticket
from nightsort.errors import LeaseLostError, WriteError
from nightsort.leases.claims import Claim, Note, Shelf, claim, describe, newest
from nightsort.leases.notes_in_bucket import NotesInBucket
from nightsort.leases.notes_on_disk import NotesOnDisk
from nightsort.storage import Storage, writing

HEARTBEAT = 10.0
"""Seconds between two signs of life."""

EXPIRY = 60.0
"""Seconds after its last sign of life for which a holder is believed to be at work."""


class Fenced(Protocol):
    """What can shut former holders out."""

    def fence(self, ticket: Ticket) -> None:
        """Refuse from now on every commit under an older ticket."""


class Lease:
    """A lease while it is held; :func:`hold` makes it."""

    def __init__(self, what: str, name: str, shelf: Shelf, claim: Claim) -> None:
        self.token = claim.number
        self.dead = claim.note.dead
        """The note of the holder before, if it died or was not heard of any more."""
        self._what = what  # for messages
        self._app = f"{name}-{claim.note.series}"
        self._shelf = shelf
        self._note = claim.note
        self._own = claim.own
        # A root that was put back from a copy may give a token twice, but not in the same second.
        self._numbers = itertools.count(int(time.time()))

    def check(self) -> None:
        """Renew it, however late. :class:`LeaseLostError` if another took over, or the storage root went away."""
        last = newest(self._shelf)
        if last is None:  # a commit would begin a table beside the one that went away
            raise LeaseLostError(
                f"{self._what}: {self._shelf.place(self.token)} is not there any more; was the storage root moved or "
                "removed? What was committed before is where it went, and the next run there goes on with it"
            )
        if last != self.token:
            raise LeaseLostError(
                f"{self._what}: {describe(self._shelf, last)} and took over, since this run was not heard of for "
                f"{EXPIRY:.0f} s; what this one had not committed is left to it"
            )
        self._write()

    def ticket(self) -> Ticket:
        """What one commit to a table carries, larger than every ticket before; raises what :meth:`check` does."""
        self.check()
        return Ticket(self._app, self.token << 32 | next(self._numbers))

    def fence(self, *tables: Fenced) -> None:
        """Shut out former holders; to be called before these tables are read.

        Nothing is done where every former holder is known to have ended.
        """
        if self._note.unfenced:
            ticket = self.ticket()
            for table in tables:
                table.fence(ticket)
            self._note.unfenced = False
            self._write()

    def _write(self) -> None:
        with writing(self._shelf.place(self.token)):
            self._own.write(self._note.renew(EXPIRY))

    def _beat(self, ended: threading.Event) -> None:
        with suppress(LeaseLostError):  # the next check will say so
            while not ended.wait(HEARTBEAT):
                with suppress(WriteError):  # the next one may succeed
                    self.check()

    def _release(self) -> None:
        self._note.released = True
        try:
            self._write()
        except WriteError:
            self._own.end(released=False)
        else:
            self._own.end(released=True)


@contextmanager
def hold(storage: Storage, name: str, run: str = "", watch: str = "") -> Iterator[Lease]:
    """Hold the lease `name` of a storage root for the length of a with-block.

    :param run: id of the run that holds it, for who finds that it died
    :param watch: who else learns of its end, such as a Prefect flow run
    :raises BusyError: if another process or thread holds it; the message says who, and since when
    """
    what, shelf = f"{name} on {storage.root}", _shelf(storage, name)
    with writing(storage.locate(f"leases/{name}")):
        lease = Lease(what, name, shelf, claim(shelf, what, EXPIRY, run, watch))
    ended = threading.Event()
    heart = threading.Thread(target=lease._beat, args=(ended,), name=f"lease of {what}", daemon=True)
    heart.start()
    try:
        yield lease
    finally:
        ended.set()
        heart.join()
        lease._release()


def holders(storage: Storage) -> Iterator[tuple[str, Note]]:
    """The newest note of each lease that was ever held, by its name; one that is damaged or just replaced is left out.

    :raises NightsortError: if the storage cannot be read
    """
    for name in storage.names("leases"):
        shelf = _shelf(storage, name)
        with suppress(FileNotFoundError):
            if (number := newest(shelf)) and (note := shelf.read(number)):
                yield name, note


def _shelf(storage: Storage, name: str) -> Shelf:
    return NotesOnDisk(Path(storage.locate(f"leases/{name}"))) if storage.is_local else NotesInBucket(storage, name)
