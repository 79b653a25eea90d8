"""Owns the notes that holders of a lease leave: one file each, of which the newest counts.

Invariant: a note is seen whole and locked or not at all; of all who claim one number one gets it; a number
that a commit may have used is never given again, not even after a power cut.
Does not know what is done under a lease.

A claim is a hard link to a name that is not there yet. Nothing is waited for, so that a process which is
stopped half-way, even for ever, locks nobody out.
"""

import fcntl
import os
import secrets
import socket
import tempfile
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import BinaryIO

from pydantic import AwareDatetime, BaseModel, PrivateAttr

from nightsort.errors import BusyError, StorageError
from nightsort.storage import Storage

_BYTES = 1024  # every note is filled up to this, so that it can be written over in place
_DRAFT = ".claim-"
_END = 2**31 - 1  # numbers from here on leave no room for tickets in 64 bits


@cache
def _machine() -> str:
    """What processes share that see each other's locks and one monotonic clock: a kernel since it was booted."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return socket.gethostname()


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


class Note(BaseModel):
    """What a holder says of itself."""

    series: str  # numbers grow for as long as it stays the same
    pid: int
    host: str
    machine: str
    since: AwareDatetime
    heartbeat: AwareDatetime
    expires: AwareDatetime  # for other machines
    deadline: float  # the same by the clock that the processes of one machine share
    unfenced: bool  # a former holder may still be alive and not be shut out yet
    released: bool = False
    run: str = ""  # id of the run that holds it
    watch: str = ""  # who else learns of its end, such as a Prefect flow run
    _dead: "Note | None" = PrivateAttr(None)

    @property
    def dead(self) -> "Note | None":
        """The note of the holder before, if it died or was not heard of any more."""
        return self._dead

    @classmethod
    def own(cls, series: str | None = None, unfenced: bool = False, dead: "Note | None" = None) -> "Note":
        """The note of this process, to be renewed before it is written; a new series unless one is named."""
        note = cls(
            series=series or secrets.token_hex(4),
            pid=os.getpid(),
            host=socket.gethostname(),
            machine=_machine(),
            since=_now(),
            heartbeat=_now(),
            expires=_now(),
            deadline=0.0,
            unfenced=unfenced,
        )
        note._dead = dead
        return note

    def renew(self, expiry: float) -> bytes:
        """Move its expiry on; the note as it lies on the disk.

        :param expiry: seconds
        """
        self.heartbeat = _now()
        self.expires = self.heartbeat + timedelta(seconds=expiry)
        self.deadline = time.monotonic() + expiry  # goes on while a process is stopped, not while a laptop sleeps
        return self.model_dump_json(indent=1).encode().ljust(_BYTES)

    def has_expired(self) -> bool:
        """Whether its holder was not heard of in time."""
        if self.machine == _machine():
            return time.monotonic() > self.deadline
        # On both sides: a machine whose clock is far ahead must not lock us out for ever.
        return abs(_now() - self.heartbeat) > self.expires - self.heartbeat

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host} has been running since {self.since.isoformat()}"


def claim(folder: Path, what: str, expiry: float, run: str = "", watch: str = "") -> tuple[Path, BinaryIO, Note]:
    """A note of one's own that is the newest, and its file, locked until the process ends.

    :param what: whose notes these are, for messages
    :param run: see :class:`Note`, as `watch`
    :raises BusyError: if the newest is that of somebody at work
    :raises StorageError: if its number is none that a lease comes to
    """
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        last = newest(folder)
        if last and number(last) >= _END:
            raise StorageError(f"{last}: no lease was ever held so often; delete this file, it is no note of a holder")
        with suppress(FileNotFoundError):  # a new holder is clearing up meanwhile
            note = _after(last, what, expiry)
            note.run, note.watch = run, watch
            path = folder / f"{number(last) + 1 if last else 1}.json"
            if file := _publish(path, note.renew(expiry)):
                if newest(folder) == path:
                    _clear(path)
                    return path, file, note
                path.unlink(missing_ok=True)  # it was free because later holders had come, gone and cleared up
                file.close()


def newest(folder: Path) -> Path | None:
    """The note that counts."""
    return max(_notes(folder), key=number, default=None)


def number(path: Path) -> int:
    """The place of a note in its series."""
    return int(path.stem)


def describe(path: Path) -> str:
    """Who left a note, and since when."""
    try:
        return str(_read(path) or "another process is running")
    except FileNotFoundError:
        return "another process has been running"


def _after(last: Path | None, what: str, expiry: float) -> Note:
    """A note to follow one whose holder ended, died or was not heard of in time."""
    if last is None:
        return Note.own()
    before = _read(last)
    if before and before.released:
        return Note.own(before.series, before.unfenced)
    dead = (before is None or before.machine == _machine()) and not _is_locked(last)
    late = before.has_expired() if before else time.time() > last.stat().st_mtime + expiry
    if not dead and not late:
        raise BusyError(f"{what}: {describe(last)}; this run is skipped")
    return Note.own(before.series, before.unfenced or not dead, before) if before else Note.own(unfenced=not dead)


def _publish(path: Path, text: bytes) -> BinaryIO | None:
    """The file of a note, locked before anybody can see it; None if its number is taken."""
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=_DRAFT)
    file = os.fdopen(descriptor, "wb", buffering=0)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(text)
        os.fchmod(descriptor, 0o644)
        os.link(draft, path)
        Storage(str(path.parent)).make_durable([path.name])
    except BaseException as error:
        file.close()
        if isinstance(error, FileExistsError):
            return None
        raise
    finally:
        Path(draft).unlink(missing_ok=True)
    return file


def _clear(own: Path) -> None:
    """Remove the notes before this one, and what claims left behind that were cut off."""
    before = [path for path in _notes(own.parent) if number(path) < number(own)]
    for path in [*before, *own.parent.glob(f"{_DRAFT}*")]:
        path.unlink(missing_ok=True)


def _notes(folder: Path) -> list[Path]:
    return [path for path in folder.glob("*.json") if path.stem.isdecimal()]


def _is_locked(path: Path) -> bool:
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)  # shared: two who ask must not deceive each other
        except BlockingIOError:
            return True
    return False


def _read(path: Path) -> Note | None:
    """None if it is damaged."""
    try:
        return Note.model_validate_json(path.read_bytes())
    except ValueError:
        return None
