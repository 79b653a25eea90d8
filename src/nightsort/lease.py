"""Owns the lease: one writer of a kind for each storage root.

Invariant: two holders of one name never overlap on one machine, and a holder that dies, however it
dies, leaves the lease free: the operating system drops its lock.
Does not know several machines: for a remote root it guards this machine only.
"""

import hashlib
import json
import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from nightsort.errors import BusyError
from nightsort.storage import Storage, writing


@contextmanager
def hold(storage: Storage, name: str) -> Iterator[None]:
    """Hold the lease `name` of a storage root for the length of a with-block.

    :raises BusyError: if another process or thread holds it; the message says who, and since when
    """
    folder = _folder(storage)
    with writing(str(folder)):
        folder.mkdir(parents=True, exist_ok=True)
    note = folder / f"{name}.json"
    lock = FileLock(folder / f"{name}.lock", timeout=0, thread_local=False)
    try:
        lock.acquire()
    except Timeout:
        raise BusyError(f"{name} on {storage.root}: {_describe(note)}; this run is skipped") from None
    try:
        with writing(str(note)):
            note.write_text(json.dumps(_owner()))
        yield
    finally:
        note.unlink(missing_ok=True)
        lock.release()


def _folder(storage: Storage) -> Path:
    if storage.is_local:
        return Path(storage.locate("leases"))
    return Path(tempfile.gettempdir()) / "nightsort-leases" / hashlib.sha256(storage.root.encode()).hexdigest()[:16]


def _owner() -> dict[str, object]:
    return {"pid": os.getpid(), "host": socket.gethostname(), "since": datetime.now(UTC).isoformat(timespec="seconds")}


def _describe(note: Path) -> str:
    try:
        owner = json.loads(note.read_text())
        return f"process {owner['pid']} on {owner['host']} has been running since {owner['since']}"
    except (OSError, ValueError, KeyError):  # the holder is between taking the lock and signing it
        return "another process is running"
