"""Owns archives as sources: members listed and read in place, never extracted.

Invariant: only regular members are read, under names of their own; no member can make us read more
than the cap. A name that occurs twice is told apart by a suffix, so that no member hides another. An
archive that ends before its end mark says so by an exception.
Does not know what the members hold.
"""

import lzma
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO

from nightsort.errors import PictureError

ZIP_SUFFIXES = (".zip",)
TAR_SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")

DAMAGE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    ValueError,
    NotImplementedError,  # a zip of a version, or with a compression, that zipfile does not know
)
"""What the readers raise on a damaged archive or member."""


@dataclass(frozen=True)
class Member:
    """One regular member, or one that must not be read (`unsafe` says why)."""

    name: str
    size: int  # bytes, as declared
    unsafe: str = ""


def is_archive(path: str) -> bool:
    """Whether the name says that this file is an archive."""
    return path.lower().endswith(ZIP_SUFFIXES + TAR_SUFFIXES)


def members(file: BinaryIO, path: str) -> Iterator[Member]:
    """Every member that is not a folder, in the order of the archive.

    :raises: one of DAMAGE, after the readable members of a tar that is cut
    """
    for member, _ in _walk(file, path):
        yield member


def contents(file: BinaryIO, path: str, wanted: set[str], max_bytes: int) -> Iterator[tuple[str, bytes | PictureError]]:
    """Bytes of the wanted members, or what was wrong with each, in the order of the archive."""
    for member, source in _walk(file, path):
        if member.name in wanted:
            yield member.name, _read(member, source, max_bytes)


def read_capped(file: BinaryIO, max_bytes: int) -> bytes:
    """All bytes of an open file; PictureError `too_large` beyond the cap, whatever size was declared."""
    data = file.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise PictureError("too_large", f"more than {max_bytes} bytes")
    return data


@dataclass(frozen=True)
class _ZipSource:
    archive: zipfile.ZipFile
    info: zipfile.ZipInfo

    def open(self) -> BinaryIO:
        return self.archive.open(self.info)  # type: ignore[return-value]


@dataclass(frozen=True)
class _TarSource:
    archive: tarfile.TarFile
    info: tarfile.TarInfo

    def open(self) -> BinaryIO:
        return self.archive.extractfile(self.info)  # type: ignore[return-value]  # regular members only


class _Header(tarfile.TarInfo):
    """A tar header; TarFile takes a damaged or a missing one for the end of the archive, this one does not."""

    @classmethod
    def fromtarfile(cls, archive: tarfile.TarFile) -> "_Header":
        try:
            return super().fromtarfile(archive)
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]  # the end mark
            raise
        except tarfile.HeaderError as error:
            raise tarfile.ReadError(f"{error} at byte {archive.offset}, where a member or the end should be") from None


def _walk(file: BinaryIO, path: str) -> Iterator[tuple[Member, _ZipSource | _TarSource]]:
    used: set[str] = set()
    walk = _walk_zip(file) if path.lower().endswith(ZIP_SUFFIXES) else _walk_tar(file)
    for member, source in walk:
        name, count = member.name, 1
        while not name or name in used:
            count += 1
            name = f"{member.name}#{count}"
        used.add(name)
        yield replace(member, name=name), source


def _walk_zip(file: BinaryIO) -> Iterator[tuple[Member, _ZipSource]]:
    with zipfile.ZipFile(file) as archive:
        for info in archive.infolist():
            if not info.filename.endswith("/"):
                yield Member(info.filename, info.file_size, _unsafe(info)), _ZipSource(archive, info)


def _unsafe(info: zipfile.ZipInfo) -> str:
    if info.flag_bits & 0x1:
        return "encrypted"
    return "a link" if stat.S_ISLNK(info.external_attr >> 16) else ""


def _walk_tar(file: BinaryIO) -> Iterator[tuple[Member, _TarSource]]:
    with tarfile.open(fileobj=file, mode="r:*", errors="backslashreplace", tarinfo=_Header) as archive:
        for info in archive:
            if not info.isdir():
                unsafe = "" if info.isreg() else "a link or a device"
                yield Member(info.name, info.size, unsafe), _TarSource(archive, info)
            archive.members = []  # type: ignore[attr-defined]  # tarfile keeps every header otherwise


def _read(member: Member, source: _ZipSource | _TarSource, max_bytes: int) -> bytes | PictureError:
    if member.unsafe:
        return PictureError("unsafe_member", member.unsafe)
    try:
        with source.open() as stream:
            return read_capped(stream, max_bytes)
    except PictureError as error:
        return error
    except (*DAMAGE, RuntimeError) as error:  # the last is about a password
        # Damage stays; what the operating system reports, with a number, may be gone next time.
        passing = isinstance(error, OSError) and error.errno is not None
        return PictureError("unreadable" if passing else "bad_archive", f"archive member: {error}")
