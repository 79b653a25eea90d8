"""Owns how a file comes onto a local disk.

Invariant: a file is there whole or not at all; one that is durable outlives a power cut.
Does not know what the files mean.
"""

import os
import tempfile
from pathlib import Path


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
