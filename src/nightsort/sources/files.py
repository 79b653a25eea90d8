"""Owns the door to a source's files: local or remote, plain or compressed, through fsspec.

Invariant: every read of a source goes through a filesystem made here, which tries a busy store again and
never lists from memory; what a store's library raises leaves `reaching` as OSError with the place.
Does not know what the files hold.
"""

import errno
import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from nightsort.errors import PictureError, SourceError
from nightsort.sources.scratch import copying, default_scratch, fetching, once
from nightsort.sources.unpacking import plain_name, unpack
from nightsort.stores import EXTRAS, S3FS_ATTEMPTS, fsspec_options, lacking, reaching

_LOCAL = LocalFileSystem()  # looked up for each, it would take a third of the time to read a small file
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")  # of two letters at least: C: is a drive
_ROLES = {"source": "a folder, a bucket, an archive or a video", "manifest": "a file, or a name inside the source"}
_TOGETHER = 256  # files fetched at a time,
_TOGETHER_BYTES = 64_000_000  # unless they have more bytes than this
_SPARE = 1_000_000  # bytes that a file may have grown by without being read twice
_DAMAGE_NOTE = ".nightsort-damage"

_File = tuple[str, str, int]  # path or URI, path in its filesystem, declared size in bytes


@dataclass(frozen=True)
class Access:
    """How the files of a source are read.

    :param scratch: folder for local copies, made when it is needed
    :param max_bytes: of a file or member; larger ones are refused
    :param max_members: of a container; what is beyond them is refused
    :param max_ratio: unpacked to packed bytes; what unpacks to more is refused
    :param frames_per_second: taken of a video
    """

    scratch: str = field(default_factory=default_scratch)
    max_bytes: int = 200_000_000
    max_members: int = 5_000_000
    max_ratio: float = 200.0
    frames_per_second: float = 1.0


def filesystem(uri: str) -> tuple[fsspec.AbstractFileSystem, str]:
    """The filesystem of a path or URI, and the path in it. Reaches for nothing yet.

    Endpoint and credentials come from the environment, as the store's own library has it; a public bucket
    is read without any under `FSSPEC_S3_ANON=true`.

    :raises SourceError: if the URI is of no known kind or the library for it is not installed
    """
    match = _SCHEME.match(uri)
    if match is None:
        # One file has one name: that of `a/../b` is `b`, as `gone` has it too.
        return _LOCAL, os.path.abspath(_LOCAL._strip_protocol(uri))  # noqa: PTH100 (links are not followed)
    scheme = match[1].lower()
    extra = EXTRAS.get(scheme)
    try:
        # not url_to_fs: that one takes a name with :: in it for a chain of filesystems
        kind = fsspec.get_filesystem_class(scheme)
        fs = kind(**kind._get_kwargs_from_urls(uri), **({} if scheme == "file" else fsspec_options(extra)))
        path = kind._strip_protocol(f"{scheme}://{uri[match.end() :]}")
    except ImportError as error:
        raise SourceError(f"source {uri}: {lacking(scheme, error)}") from None
    except (ValueError, TypeError, OSError) as error:
        raise SourceError(f"source {uri}: {error}; give a folder or s3://, gs://, az://, https://") from None
    if extra == "s3":
        fs.retries = S3FS_ATTEMPTS
    return fs, str(path)


def existing(uri: str, role: str = "source") -> tuple[fsspec.AbstractFileSystem, str]:
    """What `filesystem` gives, once something was found there.

    :param role: what it was given as, a key of _ROLES, for messages
    :raises SourceError: if nothing is there, or it cannot be reached
    """
    fs, path = filesystem(uri)
    try:
        with reaching(uri):
            found = fs.exists(path)
    except OSError as error:
        raise SourceError(f"{role} {uri}: {error.strerror}") from None
    if not found:
        raise SourceError(f"{role} {uri}: does not exist; give {_ROLES[role]}")
    return fs, path


def is_gone(uri: str) -> bool:
    """Whether nothing is there any more; a store that does not answer at the moment says nothing of that."""
    fs, path = filesystem(uri)
    try:
        with reaching(uri):
            return not fs.exists(path)
    except OSError:
        return False


def stamp(info: dict[str, Any]) -> str:
    """What changes with a file, of its fsspec `info`: the etag, or the time of change; "" if nobody knows."""
    for key in ("ETag", "etag", "mtime", "LastModified", "last_modified", "updated", "created"):
        if value := info.get(key):
            return str(value).strip('"')
    return ""


def fetch(files: Iterable[tuple[str, int]], access: Access) -> Iterator[tuple[str, bytes | PictureError]]:
    """The bytes of whole files, or what was wrong with each; those of a remote store many at a time.

    :param files: path or URI of each, and its declared size in bytes
    :returns: path and bytes in the order of `files`; the PictureError is `too_large` or `unreadable`
    """
    for fs, batch in _batches(files):
        if isinstance(fs, LocalFileSystem):  # of small files fsspec's way takes three times as long
            yield from ((path, _read(fs, name, access.max_bytes)) for path, name, _ in batch)
            continue
        names = [name for _, name, _ in batch]
        ends = [min(size + _SPARE, access.max_bytes + 1) for _, _, size in batch]
        found = fs.cat_ranges(names, [0] * len(names), ends, on_error="return")
        for (path, name, _), end, data in zip(batch, ends, found, strict=True):
            # A file may have grown. A store refuses a range of an empty object, or loses the connection on the way.
            if not isinstance(data, bytes) or len(data) == end:
                data = _read(fs, name, access.max_bytes)
            yield path, data


def _batches(files: Iterable[tuple[str, int]]) -> Iterator[tuple[fsspec.AbstractFileSystem, list[_File]]]:
    """Files of one store after another, few enough to be held in memory together."""
    found = ((*filesystem(path), path, size) for path, size in files)
    for fs, group in groupby(found, lambda file: file[0]):
        batch: list[_File] = []
        room = _TOGETHER_BYTES
        for _, name, path, size in group:
            if batch and (len(batch) == _TOGETHER or size > room):
                yield fs, batch
                batch, room = [], _TOGETHER_BYTES
            batch.append((path, name, size))
            room -= size
        yield fs, batch


def _read(fs: fsspec.AbstractFileSystem, name: str, max_bytes: int) -> bytes | PictureError:
    is_local = isinstance(fs, LocalFileSystem)
    try:
        # A Path takes half as long again to open.
        with reaching(name), open(name, "rb") if is_local else fs.open(name, "rb") as file:  # noqa: PTH123
            # Memory is set aside for all that is asked for.
            size = os.fstat(file.fileno()).st_size if is_local else max_bytes
            data: bytes = file.read(min(size, max_bytes) + 1)
    except OSError as error:
        return PictureError("unreadable", error.strerror or str(error))
    except MemoryError:
        return PictureError("bomb", "needs more memory than a worker may use to be read")
    return data if len(data) <= max_bytes else PictureError("too_large", f"more than {max_bytes} bytes")


def local(path: str, access: Access) -> Path:
    """A plain local file with the bytes of `path`, which can be sought in.

    A local file that is not compressed is itself. Of anything else a copy is made below `access.scratch`, once a
    machine and again when the original changed; several processes may ask at once. A name that ends with .gz,
    .bz2, .xz, .zst or .tgz, .tbz2, .txz, .tzst is decompressed, and the copy is named without it (`a.tar` for
    `a.tgz`). Of a stream that is cut or damaged the copy has what could be unpacked; `partial` says what was wrong.

    :param path: local path or URI
    :raises PictureError: `bomb` if it unpacks to more than `access.max_ratio` times its size (and 1 GB)
    :raises OSError: if it cannot be read; FileNotFoundError if it is not there
    :raises WriteError: if the disk of the scratch folder is full
    :raises SourceError: as `filesystem`
    """
    fs, name = filesystem(path)
    plain, compression = plain_name(Path(name).name)
    if not compression and isinstance(fs, LocalFileSystem):
        return Path(name)
    with reaching(path):
        info = fs.info(name)
    original = f"{path}\0{info.get('size')}\0{stamp(info)}"
    folder = Path(access.scratch) / hashlib.sha256(original.encode("utf-8", "surrogateescape")).hexdigest()[:32]

    def fill(building: Path) -> None:
        if not compression:
            with fetching(building / plain):
                fs.get_file(name, str(building / plain))
            copied = (building / plain).stat().st_size
            if copied != (info.get("size") or copied):
                raise OSError(errno.EIO, f"gave {copied} of {info['size']} bytes", path)
            return
        with fs.open(name, "rb") as source, copying(building / plain) as target:
            damage = unpack(source, compression, target, access.max_ratio)
        if damage:
            (building / _DAMAGE_NOTE).write_text(damage)

    with reaching(path):
        once(folder, f"{path} of {info.get('size')} bytes{compression and ', which grow when unpacked'}", fill)
    return folder / plain


def partial(path: Path) -> str:
    """What was wrong with the stream that `path`, a result of `local`, was unpacked from; "" if it was whole."""
    note = path.parent / _DAMAGE_NOTE
    return note.read_text() if note.exists() else ""
