"""Owns the notes of a lease that lie in an object store: one object each, made only if it is not there.

Invariant: a living holder is never taken for a dead one: that it died is believed of a lock on its own machine
alone, and that it is late of the store's clock, on which its note and the question are dated both.
Does not know which note counts.

Beside its note a holder keeps a locked file in the machine's folder for temporary files. Who has the kernel in
common with it, but not that folder, as containers may, sees no such file and waits until the note has expired.
"""

import fcntl
import hashlib
import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from nightsort.errors import StorageError, WriteError
from nightsort.leases.claims import Note, Own, Shelf, machine
from nightsort.leases.notes_on_disk import is_locked
from nightsort.storage import Storage

_CLOCK = ".clock-"


class NotesInBucket(Shelf):
    """The notes of a lease of a storage root that is no folder of this machine."""

    def __init__(self, storage: Storage, name: str) -> None:
        self._storage = storage
        self._folder = f"leases/{name}"
        self._locks = f"nightsort-lease-{hashlib.sha256(storage.locate(self._folder).encode()).hexdigest()[:16]}-"

    def numbers(self) -> list[int]:
        stems = (name.removesuffix(".json") for name in self._names() if name.endswith(".json"))
        return [int(stem) for stem in stems if stem.isdecimal()]

    def place(self, number: int) -> str:
        return self._storage.locate(self._name(number))

    def read(self, number: int) -> Note | None:
        try:
            return Note.model_validate_json(self._storage.read_bytes(self._name(number)))
        except ValueError:
            return None

    def is_dead(self, number: int, note: Note | None) -> bool:
        if note is None or note.machine != machine() or not note.lock.startswith(self._locks):
            return False
        try:
            return not is_locked(Path(tempfile.gettempdir(), Path(note.lock).name))
        except OSError:  # cleared away, or in another container's folder
            return False

    def is_late(self, number: int, note: Note | None, expiry: float) -> bool:
        if note and note.machine == machine():
            return note.has_expired()
        if note:
            expiry = (note.expires - note.heartbeat).total_seconds()
        return self._silence(number) > expiry

    def publish(self, number: int, note: Note, expiry: float) -> Own | None:
        own = _Own(self._storage, self._name(number), self._locks)
        note.lock = own.lock.name
        try:
            self._storage.create_bytes(self._name(number), note.renew(expiry))
        except BaseException as error:
            taken = isinstance(error, FileExistsError)
            own.end(released=taken)  # else it may lie there, and nobody is behind it
            if taken:
                return None
            raise
        return own

    def remove(self, number: int) -> None:
        self._storage.remove(self._name(number))

    def tidy(self) -> None:
        for name in self._names():
            if name.startswith(_CLOCK):
                self._storage.remove(f"{self._folder}/{name}")
        for lock in Path(tempfile.gettempdir()).glob(f"{self._locks}*"):
            with suppress(OSError):  # another user's, or gone
                if not is_locked(lock):
                    lock.unlink()

    def _silence(self, number: int) -> float:
        """Seconds since a note was written, by the store's clock: that of another machine may be wrong."""
        asked = f"{self._folder}/{_CLOCK}{secrets.token_hex(4)}"
        self._storage.write_bytes(asked, b"")
        try:
            return (self._storage.modified(asked) - self._storage.modified(self._name(number))).total_seconds()
        finally:
            self._storage.remove(asked)

    def _names(self) -> list[str]:
        try:
            return self._storage.names(self._folder)
        except StorageError as error:  # it was there when the run began: no mistake of the user's
            raise WriteError(str(error)) from error

    def _name(self, number: int) -> str:
        return f"{self._folder}/{number}.json"


class _Own(Own):
    def __init__(self, storage: Storage, name: str, locks: str) -> None:
        self._storage, self._name = storage, name
        descriptor, path = tempfile.mkstemp(prefix=locks)
        self.lock = Path(path)
        self._file: BinaryIO = os.fdopen(descriptor, "wb")
        os.fchmod(descriptor, 0o644)  # that others may see whether it is locked
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def write(self, text: bytes) -> None:
        self._storage.write_bytes(self._name, text)

    def end(self, released: bool) -> None:
        if released:  # else the lock says it, which is free from now on
            self.lock.unlink(missing_ok=True)
        fcntl.flock(self._file, fcntl.LOCK_UN)  # closing alone would leave it to processes that were forked
        self._file.close()
