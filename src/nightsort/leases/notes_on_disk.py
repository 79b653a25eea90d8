"""Owns the notes of a lease that lie in a folder: one file each, locked while its holder lives.

Invariant: a note is seen whole and locked or not at all, and is on the disk before anything is done under it.
Does not know which note counts.

A note comes into being as a hard link to a name that is not there yet. A lock is seen wherever the folder is:
by all processes of a machine, and by those of others over NFS as far as these share locks.
"""

import fcntl
import os
import tempfile
import time
from pathlib import Path
from typing import BinaryIO

from nightsort.leases.claims import Note, Own, Shelf, machine
from nightsort.storage import Storage

_DRAFT = ".claim-"


class NotesOnDisk(Shelf):
    """The notes in a folder, which is made when it is needed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def numbers(self) -> list[int]:
        return [int(path.stem) for path in self._folder.glob("*.json") if path.stem.isdecimal()]

    def place(self, number: int) -> str:
        return str(self._path(number))

    def read(self, number: int) -> Note | None:
        try:
            return Note.model_validate_json(self._path(number).read_bytes())
        except ValueError:
            return None

    def is_dead(self, number: int, note: Note | None) -> bool:
        return (note is None or note.machine == machine()) and not is_locked(self._path(number))

    def is_late(self, number: int, note: Note | None, expiry: float) -> bool:
        if note is None:
            return time.time() > self._path(number).stat().st_mtime + expiry
        return note.has_expired()

    def publish(self, number: int, note: Note, expiry: float) -> Own | None:
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._path(number)
        descriptor, draft = tempfile.mkstemp(dir=self._folder, prefix=_DRAFT)
        file = os.fdopen(descriptor, "wb", buffering=0)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.write(note.renew(expiry))
            os.fchmod(descriptor, 0o644)
            os.link(draft, path)
            Storage(str(self._folder)).make_durable([path.name])
        except BaseException as error:
            file.close()
            if isinstance(error, FileExistsError):
                return None
            raise
        finally:
            Path(draft).unlink(missing_ok=True)
        return _Own(file)

    def remove(self, number: int) -> None:
        self._path(number).unlink(missing_ok=True)

    def tidy(self) -> None:
        for path in self._folder.glob(f"{_DRAFT}*"):
            path.unlink(missing_ok=True)

    def _path(self, number: int) -> Path:
        return self._folder / f"{number}.json"


class _Own(Own):
    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, text: bytes) -> None:
        """In place: that needs no room on a full disk, and can touch no other holder's note."""
        os.pwrite(self._file.fileno(), text, 0)

    def end(self, released: bool) -> None:
        fcntl.flock(self._file, fcntl.LOCK_UN)  # closing alone would leave it to processes that were forked
        self._file.close()


def is_locked(path: Path) -> bool:
    """Whether a process holds a file's lock."""
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)  # shared: two who ask must not deceive each other
        except BlockingIOError:
            return True
    return False
