"""Owns the headers of a zip archive: where its directory lies and what an entry says.

Invariant: an entry is read on its own, from its place in the file, with at most 200 kB; nothing is kept.
Follows PKWARE's APPNOTE 6.3.10, zip64 included. Does not read members and does not judge them.
"""

import io
import struct
from typing import BinaryIO, NamedTuple
from zipfile import BadZipFile

_END = struct.Struct("<4s4H2LH")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR = struct.Struct("<4sLQL")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_COMMENT = 0xFFFF  # bytes of the archive's comment, at most
_IN_ZIP64 = 0xFFFFFFFF
_ZIP64_EXTRA = 1
_UTF8 = 0x800

ENCRYPTED = 0x1 | 0x40 | 0x2000
"""Flags of a member that is encrypted, or of a directory that is."""

SIZED_LATER = 0x8
"""Flag of a member whose sizes follow its data; then only the central directory tells where that ends."""


class Directory(NamedTuple):
    """Where the central directory lies."""

    start: int
    end: int
    members: int  # as declared
    shift: int  # bytes before the archive, as in one that extracts itself


class Member(NamedTuple):
    """What a header says of a member."""

    raw: bytes  # its name
    flags: int
    method: int
    crc: int
    packed: int  # bytes
    size: int  # bytes
    start: int  # of the local header
    mode: int  # of the file, as Unix has it; 0 if unknown
    length: int  # of the header this was read from

    @property
    def name(self) -> str:
        """The name as text, up to the first NUL as in zipfile; bytes that are no UTF-8 are written out."""
        text = self.raw.decode("utf-8", "backslashreplace") if self.flags & _UTF8 else self.raw.decode("cp437")
        return text.partition("\0")[0]


def directory(file: BinaryIO) -> Directory | None:
    """Where the directory is; None if it is cut off.

    A directory whose end mark is not the end of the file counts only if it lies just where it says, for a
    member that is an archive itself has an end mark too.
    """
    size = file.seek(0, io.SEEK_END)
    base = file.seek(max(0, size - _END.size - _COMMENT))
    tail = file.read()
    at = len(tail)
    while (at := tail.rfind(b"PK\5\6", 0, at)) >= 0:
        found = _directory(file, tail, base, at)
        comment = int.from_bytes(tail[at + 20 : at + 22], "little")
        if found and (at + _END.size + comment == len(tail) or not found.shift):
            return found
    return None


def _directory(file: BinaryIO, tail: bytes, base: int, at: int) -> Directory | None:
    if at + _END.size > len(tail):
        return None
    _, _, _, _, members, length, start, _ = _END.unpack_from(tail, at)
    end = base + at
    if end64 := _end64(file, end):
        members, length, start = end64
        end -= _LOCATOR.size + _END64.size
    if length + start > end:
        return None
    file.seek(end - length)
    if length and file.read(4) != b"PK\1\2":
        return None
    return Directory(end - length, end, members, end - length - start)


def _end64(file: BinaryIO, end: int) -> tuple[int, int, int] | None:
    """Members, length and start of the directory by the zip64 records before the end mark, if there are any."""
    if end < _LOCATOR.size + _END64.size:
        return None
    file.seek(end - _LOCATOR.size - _END64.size)
    records = file.read(_LOCATOR.size + _END64.size)
    if records[:4] != b"PK\6\6" or records[_END64.size : _END64.size + 4] != b"PK\6\7":
        return None
    members, length, start = _END64.unpack_from(records)[-3:]
    return int(members), int(length), int(start)


def central(file: BinaryIO, shift: int) -> Member:
    """The entry of the central directory at the file's position.

    :param shift: of the directory
    :raises BadZipFile: if there is none
    """
    header = file.read(_CENTRAL.size)
    if len(header) < _CENTRAL.size or header[:4] != b"PK\1\2":
        raise BadZipFile("no entry of the zip's directory where one should be")
    (_, _, _, flags, method, _, _, crc, packed, size, names, extras, comments, _, _, attributes, start) = (
        _CENTRAL.unpack(header)
    )
    length = names + extras + comments
    rest = file.read(length)
    if len(rest) < length:
        raise BadZipFile("the zip's directory is cut")
    if _IN_ZIP64 in (size, packed, start):
        size, packed, start = _zip64(rest[names : names + extras], size, packed, start)
    return Member(
        rest[:names], flags, method, crc, packed, size, start + shift, attributes >> 16, _CENTRAL.size + length
    )


def local(file: BinaryIO, at: int) -> Member:
    """The local header at a place in the file, which is followed by the member's data.

    :raises BadZipFile: if there is none
    """
    file.seek(at)
    header = file.read(_LOCAL.size)
    if len(header) < _LOCAL.size or header[:4] != b"PK\3\4":
        raise BadZipFile("no header of a zip's member where one should be")
    _, _, flags, method, _, _, crc, packed, size, names, extras = _LOCAL.unpack(header)
    rest = file.read(names + extras)
    if len(rest) < names + extras:
        raise BadZipFile("the header of a zip's member is cut")
    if _IN_ZIP64 in (size, packed) and not flags & SIZED_LATER:
        size, packed, _ = _zip64(rest[names:], size, packed, 0)
    return Member(rest[:names], flags, method, crc, packed, size, at, 0, _LOCAL.size + names + extras)


def _zip64(extra: bytes, *values: int) -> list[int]:
    """Size, packed size and start, with those that 32 bits cannot hold taken from the extra fields."""
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, at)
        if kind == _ZIP64_EXTRA:
            field = extra[at + 4 : at + 4 + length // 8 * 8]
            numbers = (number for (number,) in struct.iter_unpack("<Q", field[: len(field) // 8 * 8]))
            found = [next(numbers, -1) if value == _IN_ZIP64 else value for value in values]
            if -1 not in found:
                return found
        at += 4 + length
    raise BadZipFile("a number of a zip's member is said to be in its zip64 field, which is missing")
