"""Owns places on a local disk: the name that every process finds one by, and how a file comes there.

Invariant: a file is there whole or not at all; one that is durable outlives a power cut.
Does not know what the files mean.
"""

import os
import re
import tempfile
from pathlib import Path

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_DRIVE = re.compile(r"/[A-Za-z]:")


def absolute(place: str, folder: Path | None = None) -> str:
    """A place as every process of this machine finds it, wherever it works; a URI of another store stays as it is.

    :param folder: from which a relative one is taken; None is the working directory
    """
    local = without_scheme(place)
    return local if is_uri(local) else ((folder or Path()) / Path(local).expanduser()).resolve().as_posix()


def anchored(place: str, folder: Path) -> str:
    """A file below the folder by its whole path; what is none there, such as a name beside pictures, as it is."""
    near = absolute(place, folder)
    return near if Path(near).is_file() else place


def is_uri(place: str) -> bool:
    """Whether a place is a URI; the letter of a Windows drive is no scheme.

    >>> is_uri("s3://bucket/key"), is_uri("C://pictures"), is_uri("pictures/a:b")
    (True, False, False)
    """
    return bool(_URI.match(place))


def without_scheme(place: str, windows: bool = os.name == "nt") -> str:
    """The path that a file: URI names; any other place stays as it is.

    >>> without_scheme("file:///data", windows=False), without_scheme("file:///C:/data", windows=True)
    ('/data', 'C:/data')
    >>> without_scheme("file://server/share", windows=True), without_scheme("s3://bucket", windows=True)
    ('//server/share', 's3://bucket')
    """
    if not place.startswith("file://"):
        return place
    local = place.removeprefix("file://")
    if not windows:
        return local
    return local[1:] if _DRIVE.match(local) else local if local.startswith("/") else f"//{local}"


def write(target: Path, data: bytes | memoryview, durable: bool, exclusive: bool = False) -> None:
    """Write a file and the folders above it, replacing what was there.

    :param exclusive: replace nothing
    :raises FileExistsError: if it is exclusive, and there is a file
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        if exclusive:
            os.link(temporary, target)  # unlike a rename, never over what is there
        else:
            Path(temporary).replace(target)
    finally:
        Path(temporary).unlink(missing_ok=True)
    if durable:
        sync(target.parent)  # the rename is durable once its folder is


def sync(place: Path) -> None:
    """Have a file or folder outlive a power cut."""
    descriptor = os.open(place, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
