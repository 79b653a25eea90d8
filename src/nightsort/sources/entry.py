"""Owns what a container's reader says of one member, and what damage means.

Invariant: damage to a file is told from what the operating system may do better next time.
Does not know any format.
"""

import lzma
import tarfile
import zipfile
import zlib
from dataclasses import dataclass

from nightsort.errors import PictureError

DAMAGE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    ValueError,
    NotImplementedError,  # a compression that nobody here knows
    PictureError,  # the file as a whole is refused
)
"""What readers raise on a damaged or refused container, after the members that could be read."""


@dataclass(frozen=True)
class Entry:
    """One picture in a container, or one member that is refused unread (`reason` says why)."""

    name: str
    size: int  # bytes, as declared
    offset: int  # where the container's reader finds it again
    label: str | None = None  # as the container itself has it
    split: str | None = None  # likewise, one of SPLITS
    alike: bool = False  # to its neighbours, as frames of a video are: all of one container are one split group
    reason: str = ""  # one of REASONS, if refused
    detail: str = ""


def failure(error: Exception) -> PictureError:
    """What one of DAMAGE means for the pictures that could not be read because of it."""
    if isinstance(error, PictureError):
        return error
    # Damage stays; what the operating system reports, with a number, may be gone next time.
    passing = isinstance(error, OSError) and error.errno is not None
    return PictureError("unreadable" if passing else "bad_archive", str(error) or type(error).__name__)
