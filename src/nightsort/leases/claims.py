"""Owns what holders of a lease say of themselves: notes, of which the one with the largest number counts.

Invariant: of all who claim one number one gets it; a number that a commit may have used is never given again.
Does not know where the notes lie, or what is done under a lease.

A claim is a note under a number that was free. Nothing is waited for, so that a process which is stopped
half-way, even for ever, locks nobody out.
"""

import os
import secrets
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Protocol

from pydantic import AwareDatetime, BaseModel, PrivateAttr

from nightsort.errors import BusyError, StorageError

_BYTES = 1024  # every note is filled up to this, so that it can be written over in place
_END = 2**31 - 1  # numbers from here on leave no room for tickets in 64 bits


@cache
def machine() -> str:
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
    lock: str = ""  # name of a file in the machine's folder for temporary files that is locked while the holder lives
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
            machine=machine(),
            since=_now(),
            heartbeat=_now(),
            expires=_now(),
            deadline=0.0,
            unfenced=unfenced,
        )
        note._dead = dead
        return note

    def renew(self, expiry: float) -> bytes:
        """Move its expiry on; the note as it is written down.

        :param expiry: seconds
        """
        self.heartbeat = _now()
        self.expires = self.heartbeat + timedelta(seconds=expiry)
        self.deadline = time.monotonic() + expiry  # goes on while a process is stopped, not while a laptop sleeps
        return self.model_dump_json(indent=1).encode().ljust(_BYTES)

    def has_expired(self) -> bool:
        """Whether its holder was not heard of in time."""
        if self.machine == machine():
            return time.monotonic() > self.deadline
        # On both sides: a machine whose clock is far ahead must not lock us out for ever.
        return abs(_now() - self.heartbeat) > self.expires - self.heartbeat

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host} has been running since {self.since.isoformat()}"


class Own(Protocol):
    """The note of this process, which nobody else writes."""

    def write(self, text: bytes) -> None:
        """Write it anew; OSError or :class:`~nightsort.errors.WriteError` if that fails."""

    def end(self, released: bool) -> None:
        """Let who is on this machine see that its holder is gone.

        :param released: whether the note says so too
        """


class Shelf(Protocol):
    """Where the notes of one lease lie, each under its number."""

    def numbers(self) -> list[int]:
        """Of all notes, in no order."""

    def place(self, number: int) -> str:
        """Of a note, for messages."""

    def read(self, number: int) -> Note | None:
        """A note, None if it is damaged; FileNotFoundError if it is not there any more."""

    def is_dead(self, number: int, note: Note | None) -> bool:
        """Whether the holder is known to have ended."""

    def is_late(self, number: int, note: Note | None, expiry: float) -> bool:
        """Whether the holder was not heard of in time.

        :param expiry: seconds after which that of a damaged note was not
        """

    def publish(self, number: int, note: Note, expiry: float) -> Own | None:
        """Put a note there, its holder seen to live before anybody can see the note; None if the number is taken."""

    def remove(self, number: int) -> None:
        """Take a note away; nothing happens if it is not there."""

    def tidy(self) -> None:
        """Remove what claims left behind that were cut off."""


@dataclass(frozen=True)
class Claim:
    """A note of one's own that is the newest."""

    number: int
    note: Note
    own: Own


def claim(shelf: Shelf, what: str, expiry: float, run: str = "", watch: str = "") -> Claim:
    """Follow the holder of the newest note, if it ended, died or was not heard of in time.

    :param what: whose notes these are, for messages
    :param run: see :class:`Note`, as `watch`
    :raises BusyError: if the newest note is that of somebody at work
    :raises StorageError: if its number is none that a lease comes to
    """
    while True:
        last = newest(shelf)
        if last and last >= _END:
            place = shelf.place(last)
            raise StorageError(f"{place}: no lease was ever held so often; delete this file, it is no note of a holder")
        with suppress(FileNotFoundError):  # a new holder is clearing up meanwhile
            note = _after(shelf, last, what, expiry)
            note.run, note.watch = run, watch
            number = (last or 0) + 1
            if own := shelf.publish(number, note, expiry):
                if newest(shelf) == number:
                    _clear(shelf, number)
                    return Claim(number, note, own)
                shelf.remove(number)  # it was free because later holders had come, gone and cleared up
                own.end(released=True)


def newest(shelf: Shelf) -> int | None:
    """The number of the note that counts."""
    return max(shelf.numbers(), default=None)


def describe(shelf: Shelf, number: int) -> str:
    """Who left a note, and since when."""
    try:
        return str(shelf.read(number) or "another process is running")
    except FileNotFoundError:
        return "another process has been running"


def _after(shelf: Shelf, last: int | None, what: str, expiry: float) -> Note:
    """A note to follow one whose holder ended, died or was not heard of in time."""
    if last is None:
        return Note.own()
    before = shelf.read(last)
    if before and before.released:
        return Note.own(before.series, before.unfenced)
    dead = shelf.is_dead(last, before)
    if not dead and not shelf.is_late(last, before, expiry):
        raise BusyError(f"{what}: {describe(shelf, last)}; this run is skipped")
    return Note.own(before.series, before.unfenced or not dead, before) if before else Note.own(unfenced=not dead)


def _clear(shelf: Shelf, own: int) -> None:
    """Remove the notes before this one, and what claims left behind."""
    for number in shelf.numbers():
        if number < own:
            shelf.remove(number)
    shelf.tidy()
