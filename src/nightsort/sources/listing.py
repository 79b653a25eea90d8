"""Owns the list of what a source holds: one row for every file and every archive member.

Invariant: everything found is a row, also what will not be read (`outcome` says why), so that a
run can account for it. Only regular files are opened; symbolic links to folders are not followed.
Does not read pictures.
"""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import Any

import fsspec
import pyarrow as pa
from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

from nightsort.errors import SourceError
from nightsort.schema import LISTING
from nightsort.sources.archive import DAMAGE, Member, is_archive, members

_ROWS = 10_000  # rows gathered before they become an Arrow batch
_UNFINISHED = (".part", ".partial", ".tmp", ".crdownload", ".filepart")
_IGNORED = {"thumbs.db", "desktop.ini", "_done", "__macosx"}
_SPLIT_FOLDERS = {"train", "training", "val", "valid", "validation", "test"}

Row = dict[str, Any]


def list_source(
    source: str,
    settle_seconds: float = 0,
    on_progress: Callable[[int], None] = lambda count: None,
    leave_out: str = "",
) -> pa.Table:
    """List a folder or an archive; archives inside a folder are looked into.

    :param source: path or fsspec URI
    :param settle_seconds: a file modified more recently is listed twice, this long apart, and
        deferred if its size or time changed
    :param on_progress: called with how many more rows there are
    :param leave_out: a folder not to look into: the storage root, which may lie inside the source
    :returns: table of the schema LISTING, the members of an archive one after another
    :raises SourceError: if there is no such source or it holds nothing
    """
    fs, root = _open(source)
    batches: list[pa.RecordBatch] = []
    for rows in _gather(_entries(fs, root, settle_seconds, leave_out)):
        batches.append(pa.RecordBatch.from_pylist(rows, schema=LISTING))
        on_progress(len(rows))
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


def _entries(fs: fsspec.AbstractFileSystem, root: str, settle_seconds: float, leave_out: str) -> Iterator[Row]:
    fresh: list[dict[str, Any]] = []
    for info in _files(fs, root, leave_out):
        if time.time() - _modified(info) < settle_seconds and not _decided_by_name(info["name"][len(root) :]):
            fresh.append(info)
        else:
            yield from _rows(fs, root, info)
    if fresh:
        time.sleep(settle_seconds)
    for info in fresh:
        yield from _rows(fs, root, info, growing=not _settled(fs, info))


def _files(fs: fsspec.AbstractFileSystem, root: str, leave_out: str) -> Iterator[dict[str, Any]]:
    """Everything below the root that is not a folder; fsspec's own walk leaves out folders that it cannot list."""
    if fs.isfile(root):
        yield fs.info(root)
        return
    folders = [root]
    while folders:
        below = []
        for info in _inside(fs, folders.pop()):
            if info["type"] == "directory":
                below += [info["name"]] if _resolved(fs, info["name"]) != leave_out else []
            else:
                yield info if info["type"] == "file" else _target(fs, info)
        folders += reversed(below)


def _inside(fs: fsspec.AbstractFileSystem, folder: str) -> list[dict[str, Any]]:
    """Entries of a folder by name; none if it has vanished."""
    try:
        entries = fs.ls(folder, detail=True)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise SourceError(f"source {folder}: cannot be listed ({error.strerror or error}); mend its rights") from None
    return sorted((info for info in entries if info["name"].rstrip("/") != folder), key=lambda info: str(info["name"]))


def _target(fs: fsspec.AbstractFileSystem, link: dict[str, Any]) -> dict[str, Any]:
    """What a link leads to, under the link's name; anything else, and a link that leads nowhere, as it is."""
    try:
        return {**fs.info(link["name"]), "name": link["name"]}
    except OSError:
        return link


def _settled(fs: fsspec.AbstractFileSystem, before: dict[str, Any]) -> bool:
    try:
        now = fs.info(before["name"])
    except FileNotFoundError:
        return False
    return bool(now["size"] == before["size"] and _modified(now) == _modified(before))


def _rows(fs: fsspec.AbstractFileSystem, root: str, info: dict[str, Any], growing: bool = False) -> Iterator[Row]:
    inside = info["name"][len(root) :]
    place = _place(fs, info["name"])
    row = _row(place, info, label_of(inside))
    if growing:
        yield {**row, "outcome": "deferred", "reason": "still_written", "detail": "changed while it was listed"}
    elif info["type"] != "file":
        yield {**row, "outcome": "skipped", "reason": "not_a_file", "detail": ""}
    elif row["path"] != place:
        yield {**row, "outcome": "quarantined", "reason": "unreadable", "detail": "the name is not valid UTF-8"}
    elif decided := _decided_by_name(inside):
        yield {**row, "outcome": decided[0], "reason": decided[1], "detail": ""}
    elif is_archive(place):
        yield from _member_rows(fs, place, info, PurePosixPath(inside).parent)
    else:
        yield row


def _place(fs: fsspec.AbstractFileSystem, name: str) -> str:
    """Where a file can be found again: its absolute path here, its URI elsewhere."""
    return name if isinstance(fs, LocalFileSystem) else str(fs.unstrip_protocol(name))


def _resolved(fs: fsspec.AbstractFileSystem, name: str) -> str:
    """The place of a folder, links on the way to it followed: how the storage root is written."""
    return os.path.realpath(name) if isinstance(fs, LocalFileSystem) else _place(fs, name)


def _member_rows(
    fs: fsspec.AbstractFileSystem, place: str, info: dict[str, Any], folder: PurePosixPath
) -> Iterator[Row]:
    empty = True
    try:
        with fs.open(info["name"], "rb") as file:
            for member in members(file, place):
                empty = False
                yield _member_row(place, info, folder, member)
        if empty:
            yield {**_row(place, info, None), "outcome": "skipped", "reason": "no_members", "detail": ""}
    except DAMAGE as error:  # what could be listed was; the archive itself is the row that says so
        yield {**_row(place, info, None), "outcome": "quarantined", "reason": "bad_archive", "detail": str(error)}


def _member_row(place: str, info: dict[str, Any], folder: PurePosixPath, member: Member) -> Row:
    row = _row(place, info, label_of(member.name) or label_of(f"{folder}/{member.name}"))
    row |= {"member": member.name, "size": member.size}
    if decided := _decided_by_name(member.name):
        row |= {"outcome": decided[0], "reason": decided[1], "detail": ""}
    elif member.unsafe:
        row |= {"outcome": "quarantined", "reason": "unsafe_member", "detail": member.unsafe}
    return row


def _row(place: str, info: dict[str, Any], label: str | None) -> Row:
    return {
        "path": _printable(place),
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


def _decided_by_name(inside: str) -> tuple[str, str] | None:
    """Outcome and reason of a path below the source that its name alone decides."""
    parts = [part.lower() for part in _parts(inside)]
    if parts and parts[-1].endswith(_UNFINISHED):
        return "deferred", "still_written"
    if any(part in _IGNORED or part.startswith(".") for part in parts):
        return "skipped", "ignored_name"
    return None


def _parts(inside: str) -> list[str]:
    return [part for part in PurePosixPath(inside.replace("\\", "/")).parts if part not in ("/", "//", ".", "..")]


def label_of(inside: str) -> str | None:
    """The class folder of a path below the source: its first folder, after one named like a split.

    >>> label_of("crack/a.jpg"), label_of("train/crack/a.jpg"), label_of("a.jpg")
    ('crack', 'crack', None)
    """
    folders = _parts(inside)[:-1]
    if len(folders) > 1 and folders[0].lower() in _SPLIT_FOLDERS:
        folders = folders[1:]
    return folders[0] if folders else None
