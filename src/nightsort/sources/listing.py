"""Owns the list of what a source holds: one row for every file and every archive member.

Invariant: everything found is a row, also what will not be read (`outcome` says why), so that a
run can account for it. Symbolic links to folders are not followed.
Does not read pictures.
"""

import time
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import Any, BinaryIO

import fsspec
import pyarrow as pa
from fsspec.core import url_to_fs

from nightsort.errors import SourceError
from nightsort.schema import LISTING
from nightsort.sources.archive import DAMAGE, is_archive, members

_ROWS = 10_000  # rows gathered before they become an Arrow batch
_UNFINISHED = (".part", ".partial", ".tmp", ".crdownload", ".filepart")
_IGNORED = {"thumbs.db", "desktop.ini", "_done", "__macosx"}
_SPLIT_FOLDERS = {"train", "training", "val", "valid", "validation", "test"}

Row = dict[str, Any]


def list_source(
    source: str, settle_seconds: float = 0, on_progress: Callable[[int], None] = lambda count: None
) -> pa.Table:
    """List a folder or an archive; archives inside a folder are looked into.

    :param source: path or fsspec URI
    :param settle_seconds: a file modified more recently is listed twice, this long apart, and
        deferred if its size or time changed
    :param on_progress: called with the number of rows so far
    :returns: table of the schema LISTING, sorted by path
    :raises SourceError: if there is no such source or it holds nothing
    """
    fs, root = _open(source)
    batches: list[pa.RecordBatch] = []
    for rows in _gather(_entries(fs, root, settle_seconds)):
        batches.append(pa.RecordBatch.from_pylist(rows, schema=LISTING))
        on_progress(sum(batch.num_rows for batch in batches))
    if not batches:
        raise SourceError(f"source {source}: is empty; expected pictures, folders of pictures or archives")
    return pa.Table.from_batches(batches)


def _open(source: str) -> tuple[fsspec.AbstractFileSystem, str]:
    try:
        fs, root = url_to_fs(source)
        found = fs.exists(root)
    except (ValueError, ImportError, OSError) as error:
        raise SourceError(f"source {source}: {error}") from None
    if not found:
        raise SourceError(f"source {source}: does not exist; give a folder or an archive of pictures")
    if fs.isfile(root) and not is_archive(root):
        raise SourceError(f"source {source}: is a single file; give a folder or an archive (.zip, .tar, .tar.gz, ...)")
    return fs, str(root)


def _gather(rows: Iterator[Row]) -> Iterator[list[Row]]:
    gathered: list[Row] = []
    for row in rows:
        gathered.append(row)
        if len(gathered) == _ROWS:
            yield gathered
            gathered = []
    if gathered:
        yield gathered


def _entries(fs: fsspec.AbstractFileSystem, root: str, settle_seconds: float) -> Iterator[Row]:
    fresh: list[dict[str, Any]] = []
    for info in _files(fs, root):
        if time.time() - _modified(info) < settle_seconds and not _decided_by_name(info["name"]):
            fresh.append(info)
        else:
            yield from _rows(fs, root, info)
    if fresh:
        time.sleep(settle_seconds)
    for info in fresh:
        yield from _rows(fs, root, info, growing=not _settled(fs, info))


def _files(fs: fsspec.AbstractFileSystem, root: str) -> Iterator[dict[str, Any]]:
    if fs.isfile(root):
        yield fs.info(root)
        return
    try:
        for _, folders, files in fs.walk(root, detail=True, on_error="raise"):
            for name in sorted(folders):  # the walk goes on in the order it finds here
                folder = folders.pop(name)
                if not folder.get("islink"):  # a link may lead out of the source, or round in a circle
                    folders[name] = folder
            for name in sorted(files):
                yield files[name]
    except PermissionError as error:
        raise SourceError(f"source {root}: {error.filename or ''} cannot be listed ({error.strerror})") from None


def _settled(fs: fsspec.AbstractFileSystem, before: dict[str, Any]) -> bool:
    try:
        now = fs.info(before["name"])
    except FileNotFoundError:
        return False
    return bool(now["size"] == before["size"] and _modified(now) == _modified(before))


def _rows(fs: fsspec.AbstractFileSystem, root: str, info: dict[str, Any], growing: bool = False) -> Iterator[Row]:
    path = info["name"]
    row = _row(info, label=label_of(path[len(root) :]))
    if growing:
        yield {**row, "outcome": "deferred", "reason": "still_written", "detail": "changed while it was listed"}
    elif row["path"] != path:
        yield {**row, "outcome": "quarantined", "reason": "unreadable", "detail": "the name is not valid UTF-8"}
    elif decided := _decided_by_name(path):
        yield {**row, "outcome": decided[0], "reason": decided[1], "detail": ""}
    elif is_archive(path):
        yield from _member_rows(fs, root, info)
    else:
        yield row


def _member_rows(fs: fsspec.AbstractFileSystem, root: str, info: dict[str, Any]) -> Iterator[Row]:
    inside = info["name"][len(root) :]
    try:
        with fs.open(info["name"], "rb") as file:
            yield from _members(file, info, PurePosixPath(inside).parent)
    except DAMAGE as error:  # what could be listed was; the archive itself is the row that says so
        yield {**_row(info, None), "outcome": "quarantined", "reason": "bad_archive", "detail": str(error)}


def _members(file: BinaryIO, info: dict[str, Any], folder: PurePosixPath) -> Iterator[Row]:
    for member in members(file, info["name"]):
        row = _row(info, label_of(member.name) or label_of(f"{folder}/{member.name}"))
        row |= {"member": member.name, "size": member.size}
        if decided := _decided_by_name(member.name):
            row |= {"outcome": decided[0], "reason": decided[1], "detail": ""}
        elif member.unsafe:
            row |= {"outcome": "quarantined", "reason": "unsafe_member", "detail": member.unsafe}
        yield row


def _row(info: dict[str, Any], label: str | None) -> Row:
    return {
        "path": _printable(info["name"]),
        "member": "",
        "size": info["size"],
        "modified": _modified(info),
        "label": label and _printable(label),
        "outcome": None,
        "reason": None,
        "detail": None,
    }


def _printable(name: str) -> str:
    """The same name unless it is not valid UTF-8, which Arrow cannot hold."""
    return name.encode("utf-8", "backslashreplace").decode()


def _modified(info: dict[str, Any]) -> float:
    """Seconds since 1970; stores name the field differently, and some have none."""
    value = info.get("mtime") or info.get("LastModified") or info.get("last_modified") or 0
    return float(value.timestamp() if hasattr(value, "timestamp") else value)


def _decided_by_name(path: str) -> tuple[str, str] | None:
    parts = PurePosixPath(path.replace("\\", "/")).parts
    name = parts[-1].lower() if parts else ""
    if name.endswith(_UNFINISHED):
        return "deferred", "still_written"
    if name in _IGNORED or name.startswith(".") or any(part.lower() in _IGNORED for part in parts):
        return "skipped", "ignored_name"
    return None


def label_of(inside: str) -> str | None:
    """The class folder of a path below the source: its first folder, after one named like a split.

    >>> label_of("crack/a.jpg"), label_of("train/crack/a.jpg"), label_of("a.jpg")
    ('crack', 'crack', None)
    """
    folders = [part for part in PurePosixPath(inside.replace("\\", "/")).parts[:-1] if part not in ("/", ".", "..")]
    if len(folders) > 1 and folders[0].lower() in _SPLIT_FOLDERS:
        folders = folders[1:]
    return folders[0] if folders else None
