"""Owns tar archives: members listed and read in place at random, never extracted.

Invariant: only regular members are read. Headers that describe other headers are bounded, in number and in
bytes, and every step goes forward. A member's offset is that of its first header. A tar that ends before
its end mark says so.
Does not know what the members hold. tarfile decodes single headers; its walk over the archive recurses,
goes back, or takes a damaged header for the end when a hostile file wants it to, so the walk is ours.
"""

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from nightsort.errors import PictureError
from nightsort.sources.entry import DAMAGE, Entry, failure
from nightsort.sources.files import Access
from nightsort.sources.names import is_name_of

ENDINGS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.zst", ".tzst")

_BUFFER = 1 << 17
_BLOCK = tarfile.BLOCKSIZE
_EXTENSION_BYTES = 1_000_000  # of the headers that describe one member; a path is a few hundred
_PAX = (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE)
_EXTENSIONS = (*_PAX, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)
_FAR = 1 << 62  # bytes


class _Member(NamedTuple):
    name: str
    size: int  # bytes
    data: int  # where they start
    end: int  # where the next member starts
    kind: bytes
    sparse: bool


def is_one(path: str) -> bool:
    """Whether the name says that this file is a tar, packed or not."""
    return path.lower().endswith(ENDINGS)


def entries(file: Path, access: Access) -> Iterator[Entry]:
    """Every member that is not a folder, in the order of the archive.

    :raises: one of DAMAGE, after the members before it
    """
    with file.open("rb", buffering=_BUFFER) as source:
        size = source.seek(0, io.SEEK_END)
        at = 0
        while member := _member(source, at):
            if member.data + member.size > size:
                raise tarfile.ReadError(f"the tar is cut at byte {size}, inside {member.name}")
            if member.kind != tarfile.DIRTYPE:
                refused = _refusal(member)
                yield Entry(member.name, member.size, at, reason=refused and "unsafe_member", detail=refused)
            at = member.end


def contents(file: Path, wanted: list[tuple[str, int]], access: Access) -> Iterator[tuple[str, bytes | PictureError]]:
    """Bytes of the wanted members, each by its name and offset, or what was wrong with it.

    :raises OSError: if the archive cannot be opened
    """
    with file.open("rb", buffering=_BUFFER) as source:
        for name, offset in wanted:
            try:
                yield name, _content(source, name, offset, access.max_bytes)
            except DAMAGE as error:
                yield name, failure(error)


def _content(source: BinaryIO, name: str, offset: int, max_bytes: int) -> bytes:
    try:
        member = _member(source, offset)
    except tarfile.TarError:
        member = None
    if not member or not is_name_of(name, member.name):
        raise PictureError("unreadable", "no longer in the archive where it was listed")
    if refused := _refusal(member):
        raise PictureError("unsafe_member", refused)
    if member.size > max_bytes:
        raise PictureError("too_large", f"{member.size} bytes, of {max_bytes} allowed")
    source.seek(member.data)
    data = source.read(member.size)
    if len(data) < member.size:
        raise EOFError("the tar ends inside this member")
    return data


def _refusal(member: _Member) -> str:
    """Why a member must not be read; "" if it may."""
    if member.sparse:
        return "a sparse file"
    return "" if member.kind in tarfile.REGULAR_TYPES else "a link or a device"


def _member(file: BinaryIO, start: int) -> _Member | None:
    """The member whose first header is at `start`; None at the end mark."""
    at, extended = start, 0
    name, pax = None, dict[str, str]()
    while info := _header(file, at):
        if info.type not in _EXTENSIONS:
            return _described(file, at, info, name, pax)
        extended += _BLOCK + info.size
        if extended > _EXTENSION_BYTES:
            raise tarfile.ReadError(
                f"the headers of the member at byte {start} take more than {_EXTENSION_BYTES} bytes"
            )
        payload = file.read(info.size)
        if info.type == tarfile.GNUTYPE_LONGNAME:
            name = _text(payload.partition(b"\0")[0])
        elif info.type in _PAX:
            pax |= _records(payload, at)
        at += _BLOCK + _blocks(info.size)
    if at > start:
        raise tarfile.ReadError(f"the tar ends at byte {at}, after a header that describes another")
    return None


def _header(file: BinaryIO, at: int) -> tarfile.TarInfo | None:
    """The header at a place, nothing of what follows it; None for an end mark."""
    file.seek(at)
    try:
        info = tarfile.TarInfo.frombuf(file.read(_BLOCK), "utf-8", "backslashreplace")
    except tarfile.EOFHeaderError:  # type: ignore[attr-defined]  # missing in the stubs
        return None
    except tarfile.HeaderError as error:
        raise tarfile.ReadError(f"{error} at byte {at}, where a member or the end should be") from None
    if not 0 <= info.size < _FAR:
        raise tarfile.ReadError(f"a size of {info.size} bytes in the header at byte {at}")
    return info


def _described(file: BinaryIO, at: int, info: tarfile.TarInfo, name: str | None, pax: dict[str, str]) -> _Member:
    """A member by its own header and by those before it."""
    data = at + _BLOCK
    if info.type == tarfile.GNUTYPE_SPARSE:
        data = _after_sparse_map(file, at)
    size = _number(pax["size"], at) if "size" in pax else info.size
    stored = info.type in tarfile.REGULAR_TYPES or info.type not in tarfile.SUPPORTED_TYPES
    return _Member(
        name=pax.get("path") or name or info.name,
        size=size if stored else 0,
        data=data,
        end=data + (_blocks(size) if stored else 0),
        kind=info.type,
        sparse=info.type == tarfile.GNUTYPE_SPARSE or any(key.startswith("GNU.sparse.") for key in pax),
    )


def _after_sparse_map(file: BinaryIO, at: int) -> int:
    """Where the data starts after a header of GNU's old kind of sparse file, whose map may go on in more blocks."""
    file.seek(at)
    more = file.read(_BLOCK)[482:483]
    at += _BLOCK
    while more not in (b"", b"\0"):
        more = file.read(_BLOCK)[504:505]
        at += _BLOCK
    return at


def _records(payload: bytes, at: int) -> dict[str, str]:
    """The records of a pax header, each "length key=value" and a line's end."""
    found = {}
    start = 0
    while start < len(payload):
        space = payload.find(b" ", start, start + 20)
        end = start + _number(payload[start:space].decode("latin-1") if space > 0 else "", at)
        key, equals, value = payload[space + 1 : end - 1].partition(b"=")
        if not equals or not space < end <= len(payload):
            raise tarfile.ReadError(f"the pax header at byte {at} is damaged")
        found[_text(key)] = _text(value.partition(b"\0")[0])
        start = end
    return found


def _number(text: str, at: int) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise tarfile.ReadError(f"the pax header at byte {at} is damaged")
    return int(text)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "backslashreplace")


def _blocks(size: int) -> int:
    """Bytes that a size takes in the archive."""
    return -(-size // _BLOCK) * _BLOCK
