"""Owns scratch folders: local copies that live as long as a process works with them.

Invariant: a copy is there whole or not at all, and is made once however many processes ask for it; no
folder outlives the processes that use it by more than the next run, whatever they died of.
Does not know what is copied.
"""

import errno
import fcntl
import io
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from filelock import FileLock

from nightsort.errors import WriteError

_PREFIX = "nightsort-scratch-"
_used: dict[Path, int] = {}  # scratch folder of another process -> the lock that keeps it
_using = threading.Lock()
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def default_scratch() -> str:
    """The scratch folder of whoever works outside a run."""
    return str(Path(tempfile.gettempdir()) / f"{_PREFIX}of-{os.getuid()}")


@contextmanager
def scratch(parent: str | None = None) -> Iterator[str]:
    """The scratch folder of a run, removed at its end; those that died with their processes go first.

    :param parent: where to make it; the folder for temporary files if None
    :raises WriteError: if it cannot be made
    """
    try:
        sweep(parent or tempfile.gettempdir())
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
        lock = _hold(folder)
    except OSError as error:
        raise WriteError(
            f"{parent or tempfile.gettempdir()}: no scratch folder can be made ({error.strerror})"
        ) from None
    try:
        yield str(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):  # the next run sweeps it; what ended the run is the news
            _lock_file(folder).unlink(missing_ok=True)
        os.close(lock)


def sweep(parent: str) -> None:
    """Remove the scratch folders that no living process uses."""
    for file in Path(parent).glob(f"{_PREFIX}*.lock"):
        try:
            lock = os.open(file, os.O_RDWR | os.O_NOFOLLOW)
        except OSError:
            continue  # gone by now, or somebody else's
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(file.with_suffix(""), ignore_errors=True)
            file.unlink(missing_ok=True)
        except BlockingIOError:
            pass  # in use
        finally:
            os.close(lock)


def let_go(folder: str) -> None:
    """In a process that outlives a run: give up the run's scratch folder, and remove it if nobody here uses it."""
    with _using:
        if (lock := _used.pop(Path(folder), None)) is not None:
            os.close(lock)
    sweep(str(Path(folder).parent))


def once(folder: Path, what: str, fill: Callable[[Path], None]) -> None:
    """Have `fill` make the contents of a folder inside a scratch folder, unless it is there.

    :param what: what is copied and how large it is, for whoever must make room for it
    :raises WriteError: if the disk is full, or fails where the copy is made
    """
    if folder.exists():
        return
    try:
        _use(folder.parent)
    except OSError as error:
        raise WriteError(f"{folder.parent}: {error.strerror} for {what}; set TMPDIR to a disk that is sound") from error
    try:
        with FileLock(folder.with_suffix(".lock")):
            if not folder.exists():
                _build(folder, fill)
    except OSError as error:
        # A fault of the scratch folder is none of what is copied; a full disk does not say which file it is about.
        if error.errno in _FULL or str(error.filename or "").startswith(f"{folder.parent}{os.sep}"):
            free = shutil.disk_usage(folder.parent).free
            raise WriteError(
                f"{folder.parent}: {error.strerror} for {what}; {free} bytes are free, make room or set TMPDIR"
            ) from error
        raise


def copying(copy: Path) -> BinaryIO:
    """A new file for `fill` to write into, of which a failing write names it: else it looks like a failing read."""
    return io.BufferedWriter(_Copy(copy, "wb"))


class _Copy(io.FileIO):
    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except OSError as error:
            error.filename = self.name
            raise


@contextmanager
def fetching(copy: Path) -> Iterator[None]:
    """Have a failing disk name the copy that somebody else's code writes: no network fails with EIO."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.EIO:
            error.filename = error.filename or str(copy)
        raise


def _build(folder: Path, fill: Callable[[Path], None]) -> None:
    building = folder.with_suffix(".building")
    shutil.rmtree(building, ignore_errors=True)  # of a process that died
    building.mkdir()
    try:
        fill(building)
        building.replace(folder)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _use(folder: Path) -> None:
    """Keep a scratch folder, made if need be, from being swept while this process lives, or until it lets go."""
    with _using:
        if folder not in _used:
            _used[folder] = _hold(folder)


def _hold(folder: Path) -> int:
    folder.parent.mkdir(parents=True, exist_ok=True)
    file = _lock_file(folder)
    while True:
        lock = os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        fcntl.flock(lock, fcntl.LOCK_SH)
        if file.exists() and os.fstat(lock).st_ino == file.stat().st_ino:
            folder.mkdir(mode=0o700, exist_ok=True)
            return lock
        os.close(lock)  # a sweep removed the file while we waited for it


def _lock_file(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.lock")
