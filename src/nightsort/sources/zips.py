"""Owns zip archives: members listed as the directory streams by, read in place at random, never extracted.

Invariant: no header makes us hold more than `max_bytes` packed and as much unpacked; members that share
bytes, lie about their size or unpack beyond the ratio are refused. A member's offset is that of its
entry in the central directory, or of its local header where the directory is cut off.
Does not know what the members hold. Nor does it use zipfile's reader, which keeps every member in memory
and unpacks bzip2 and lzma without a bound.
"""

import bz2
import io
import lzma
import stat
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO
from zipfile import ZIP_BZIP2, ZIP_DEFLATED, ZIP_LZMA, ZIP_STORED, BadZipFile

import numpy as np
import numpy.typing as npt

from nightsort.errors import PictureError
from nightsort.sources.entry import DAMAGE, Entry, failure
from nightsort.sources.files import Access
from nightsort.sources.names import is_name_of
from nightsort.sources.zip_directory import ENCRYPTED, SIZED_LATER, Directory, Member, central, directory, local

ENDINGS = (".zip",)

_BUFFER = 1 << 17
_BOMB_BYTES = 1_000_000  # a member may unpack to this much, whatever the ratio
_LZMA_MEMORY = 100_000_000  # bytes; a header can ask for 4 GB
_LOCAL = 30  # bytes of a local header before the name
_FAR = 1 << 62  # beyond the end of any file, and still a place to seek to
_UNKNOWN = (1 << 64) - 1  # the size in an .lzma header of what ends by a mark


def is_one(path: str) -> bool:
    """Whether the name says that this file is a zip."""
    return path.lower().endswith(ENDINGS)


def entries(file: Path, access: Access) -> Iterator[Entry]:
    """Every member that is not a folder, in the order of the directory.

    A zip without its directory, as when it is cut, yields the members whose local headers can be followed.

    :raises: one of DAMAGE, after the members that could be read
    """
    with file.open("rb", buffering=_BUFFER) as source:
        found = directory(source)
        if not found:
            yield from (_entry(member, at, access) for at, member in _salvaged(source) if not _is_folder(member))
            return
        shared = iter(_sharing(source, found, access.max_members))
        next_shared = next(shared, -1)
        for at, member in _members(source, found):
            if at == next_shared:
                next_shared = next(shared, -1)
                yield Entry(member.name, member.size, at, reason="bomb", detail="shares its bytes with another member")
            elif not _is_folder(member):
                yield _entry(member, at, access)


def contents(file: Path, wanted: list[tuple[str, int]], access: Access) -> Iterator[tuple[str, bytes | PictureError]]:
    """Bytes of the wanted members, each by its name and offset, or what was wrong with it.

    :raises OSError: if the archive cannot be opened
    """
    with file.open("rb", buffering=_BUFFER) as headers, file.open("rb", buffering=_BUFFER) as data:
        found = directory(headers)
        for name, offset in wanted:
            try:
                member = _at(headers, offset, found.shift if found else 0)
                if not member or not is_name_of(name, member.name):
                    raise PictureError("unreadable", "no longer in the archive where it was listed")
                yield name, _content(data, member, access)
            except DAMAGE as error:
                yield name, failure(error)


def _members(file: BinaryIO, found: Directory) -> Iterator[tuple[int, Member]]:
    """Every member of the directory with the place of its entry; BadZipFile at the end if there are too few."""
    at = file.seek(found.start)
    count = 0
    while at < found.end:
        member = central(file, found.shift)
        yield at, member
        at += member.length
        count += 1
    if (count - found.members) % (1 << 16):  # without zip64 the number is kept in 16 bits
        raise BadZipFile(f"the zip says that it has {found.members} members, but its directory lists {count}")


def _salvaged(file: BinaryIO) -> Iterator[tuple[int, Member]]:
    """Members by their local headers, from the start of the file; BadZipFile at the end."""
    size = file.seek(0, io.SEEK_END)
    at = count = 0
    while at < size:
        try:
            member = local(file, at)
        except BadZipFile:
            break
        if member.flags & SIZED_LATER or at + member.length + member.packed > size:
            break
        yield at, member
        at += member.length + member.packed
        count += 1
    if not count:
        raise BadZipFile("not a zip archive, or cut before its first member ends")
    raise BadZipFile(f"the zip has no directory: it is cut; {count} members could be followed, up to byte {at}")


def _sharing(file: BinaryIO, found: Directory, max_members: int) -> npt.NDArray[np.int64]:
    """Places of the entries, in order, whose members' bytes belong to another member already.

    Numbers are kept, 24 bytes a member, only of an archive that is not in the order of its directory.
    """

    def extents() -> Iterator[tuple[int, int, int]]:
        with suppress(BadZipFile):  # it is reported when the entries are listed
            for at, member in islice(_members(file, found), max_members):
                start = min(member.start, _FAR)
                yield at, start, min(start + _LOCAL + len(member.raw) + member.packed, _FAR)

    last = 0
    if all(start >= last and (last := end) for _, start, end in extents()):
        return np.empty(0, np.int64)
    table = np.fromiter(extents(), [("at", "q"), ("start", "q"), ("end", "q")])
    table.sort(order=("start", "at"))
    later = table["start"][1:] < np.maximum.accumulate(table["end"])[:-1]
    return np.sort(table["at"][1:][later])


def _is_folder(member: Member) -> bool:
    return member.name.endswith("/")


def _entry(member: Member, at: int, access: Access) -> Entry:
    refused = _refusal(member, access)
    return Entry(member.name, member.size, at, reason=refused[0], detail=refused[1])


def _refusal(member: Member, access: Access) -> tuple[str, str]:
    """Reason and detail, if the header alone says that a member must not be read."""
    if member.flags & ENCRYPTED:
        return "unsafe_member", "encrypted"
    if stat.S_IFMT(member.mode) not in (0, stat.S_IFREG):
        return "unsafe_member", "a link or a device"
    if member.size > max(_BOMB_BYTES, access.max_ratio * member.packed):
        return "bomb", f"{member.packed} bytes unpack to {member.size}"
    return "", ""


def _at(headers: BinaryIO, offset: int, shift: int) -> Member | None:
    """The member whose entry, or else local header, is at an offset."""
    headers.seek(offset)
    with suppress(BadZipFile):
        return central(headers, shift)
    with suppress(BadZipFile):
        return local(headers, offset)
    return None


def _content(data: BinaryIO, member: Member, access: Access) -> bytes:
    reason, detail = _refusal(member, access)
    if reason:
        raise PictureError(reason, detail)
    if max(member.size, member.packed) > access.max_bytes:
        raise PictureError("too_large", f"{max(member.size, member.packed)} bytes, of {access.max_bytes} allowed")
    found = local(data, min(member.start, _FAR))
    if found.raw != member.raw:
        raise BadZipFile(f"the zip's directory leads to another member, {found.name}")
    packed = data.read(member.packed)
    if len(packed) < member.packed:
        raise EOFError("the zip ends inside this member")
    unpacked = _unpack(packed, member)
    if len(unpacked) != member.size:
        more = "more" if len(unpacked) > member.size else f"only {len(unpacked)}"
        raise BadZipFile(f"the member says that it has {member.size} bytes and has {more}")
    if zlib.crc32(unpacked) != member.crc:
        raise BadZipFile("the member's checksum does not fit its bytes")
    return unpacked


def _unpack(packed: bytes, member: Member) -> bytes:
    """The member's bytes, but at most one more than it says."""
    if member.method == ZIP_STORED:
        return packed
    if member.method not in _UNPACKERS:
        raise NotImplementedError(f"compression method {member.method} is not read; use deflate, bzip2 or lzma")
    if member.method == ZIP_LZMA:  # its own header of 4 bytes; then as in an .lzma file, which has the size there
        packed = packed[4:9] + struct.pack("<Q", _UNKNOWN) + packed[9:]
    unpacked: bytes = _UNPACKERS[member.method]().decompress(packed, member.size + 1)
    return unpacked


_UNPACKERS: dict[int, Callable[[], Any]] = {
    ZIP_DEFLATED: lambda: zlib.decompressobj(-zlib.MAX_WBITS),
    ZIP_BZIP2: bz2.BZ2Decompressor,
    ZIP_LZMA: lambda: lzma.LZMADecompressor(lzma.FORMAT_ALONE, memlimit=_LZMA_MEMORY),
}
