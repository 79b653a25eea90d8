"""Owns finding every file of a storage root.

Invariant: a file that was there all the while is in the listing, whatever comes or goes beside it; no link is, which
may lead anywhere, nor what is still being written. Does not know what the files mean.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from nightsort.errors import StorageError
from nightsort.storage import Storage


@dataclass(frozen=True)
class Found:
    """What a listing says of a file."""

    size: int  # bytes
    stamp: str  # changes with the file: its time of change and inode, or its etag; "" if nobody knows


def files(storage: Storage) -> dict[str, Found]:
    """Every file below the root, by its name; :class:`StorageError` if a folder cannot be read."""
    try:
        return dict(_local(storage.root) if storage.is_local else _remote(storage))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise StorageError(f"{storage.root}: cannot be listed ({error.strerror or error}); mend its rights") from None


def _local(root: str) -> Iterator[tuple[str, Found]]:
    """As fsspec does, but for folders that change meanwhile: those it leaves out without a word."""
    for folder, _, names in os.walk(root, onerror=_unless_gone):
        for path in (Path(folder, name) for name in names if not name.startswith(".")):
            with suppress(FileNotFoundError):
                found = path.lstat()
                if stat.S_ISREG(found.st_mode):
                    yield path.relative_to(root).as_posix(), Found(found.st_size, f"{found.st_mtime_ns}-{found.st_ino}")


def _unless_gone(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error


def _remote(storage: Storage) -> Iterator[tuple[str, Found]]:
    for name, entry in storage.find().items():
        yield name, Found(int(entry["size"]), str(entry.get("ETag") or entry.get("etag") or ""))
