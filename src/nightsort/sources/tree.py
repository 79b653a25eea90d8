"""Owns the walk through a source's folders, here or in a store.

Invariant: everything below the root that is not a folder comes out once, in an order that does not change;
symbolic links to folders are not followed. One folder's entries are held at a time.
Does not know what the files are.
"""

import os
import stat as mode
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

import fsspec
from fsspec.implementations.local import LocalFileSystem

from nightsort.errors import SourceError
from nightsort.sources.files import stamp
from nightsort.stores import reaching


class Found(NamedTuple):
    """One file, or something else that is no folder."""

    path: str  # absolute path here, URI elsewhere
    size: int | None  # bytes; None where the store does not say
    stamp: str
    modified: float  # seconds since 1970; 0 where the store does not say
    is_file: bool = True


class Tree:
    """A folder and all below it, or one file.

    :param fs: with `root`, what `files.filesystem` gives
    """

    def __init__(self, fs: fsspec.AbstractFileSystem, root: str) -> None:
        self._fs = fs
        self._is_local = isinstance(fs, LocalFileSystem)
        self.root = self._place(root)

    def inside(self, path: str) -> str:
        """The path below the root of a file that was found; its name if it is the root."""
        inside = path[len(self.root) :].lstrip("/") or path.rpartition("/")[2]
        return unquote(inside) if path.startswith(("http://", "https://")) else inside

    def one(self) -> Found:
        """The root itself, where it is a file."""
        return (
            _found_here(self.root, Path(self.root).stat()) if self._is_local else self._found(self._fs.info(self.root))
        )

    def files(self, leave_out: str = "") -> Iterator[Found]:
        """Everything that is not a folder, folder by folder, in the order of the names.

        :param leave_out: a folder not to look into, written without links
        :raises SourceError: if a folder cannot be listed, or the root is the one to leave out
        """
        if leave_out and self._resolved(self.root) == leave_out:
            raise SourceError(f"source {self.root}: is the storage root, too; keep pictures and results apart")
        folders = [self.root]
        while folders:
            below: list[str] = []
            for found in self._entries(folders.pop()):
                if isinstance(found, Found):
                    yield found
                elif not leave_out or self._resolved(found) != leave_out:
                    below.append(found)
            folders += reversed(below)

    def again(self, paths: Iterator[str]) -> Iterator[Found | None]:
        """What is at each path now; None if nothing is. In a store, paths of one folder should come together."""
        folder, listed = None, dict[str, Found]()
        for path in paths:
            if self._is_local:
                yield _look(path)
                continue
            if folder != (folder := path.rpartition("/")[0]):
                listed = {found.path: found for found in self._entries(folder) if isinstance(found, Found)}
            yield listed.get(path)

    def _entries(self, folder: str) -> Iterator[Found | str]:
        """Files of a folder, and the paths of the folders in it; nothing if it has vanished."""
        try:
            yield from _inside_here(folder) if self._is_local else self._inside_store(folder)
        except FileNotFoundError:
            return
        except OSError as error:
            why = error.strerror or error
            raise SourceError(f"source {folder}: cannot be listed ({why}); mend its rights") from None

    def _inside_store(self, folder: str) -> Iterator[Found | str]:
        with reaching(folder):
            infos = self._fs.ls(self._fs._strip_protocol(folder), detail=True)
        listed = {self._place(info["name"]): info for info in infos}  # a store may name an object and a folder alike
        for path in sorted(listed):
            if path.startswith(f"{folder}/") and path != f"{folder}/":  # a page of links leads anywhere
                yield path if listed[path]["type"] == "directory" else self._found(listed[path])

    def _found(self, info: dict[str, Any]) -> Found:
        when = next(filter(None, map(info.get, ("mtime", "LastModified", "last_modified", "created"))), 0)
        seconds = when.timestamp() if hasattr(when, "timestamp") else when
        return Found(
            self._place(info["name"]),
            info["size"],
            stamp(info),
            float(seconds) if isinstance(seconds, int | float) else 0.0,
            info["type"] == "file",
        )

    def _place(self, name: str) -> str:
        return (name if self._is_local else str(self._fs.unstrip_protocol(name))).rstrip("/") or "/"

    def _resolved(self, folder: str) -> str:
        return os.path.realpath(folder) if self._is_local else folder


def slashed(path: str, separator: str = os.sep) -> str:
    """A path as every table has it: with forward slashes, also where the system has others.

    >>> slashed("C:/pictures\\\\red\\\\a.png", "\\\\"), slashed("/pictures/a\\\\b.png", "/")
    ('C:/pictures/red/a.png', '/pictures/a\\\\b.png')
    """
    return path if separator == "/" else path.replace(separator, "/")


def _inside_here(folder: str) -> Iterator[Found | str]:
    with os.scandir(folder) as entries:
        ordered = sorted(entries, key=lambda entry: entry.name)
    for entry in ordered:
        if entry.is_dir(follow_symlinks=False):
            yield slashed(entry.path)
        elif found := _look(slashed(entry.path), entry):
            yield found


def _look(path: str, entry: os.DirEntry[str] | None = None) -> Found | None:
    try:
        return _found_here(path, (entry or Path(path)).stat())
    except OSError:  # a link that leads nowhere is something; a file that has vanished is not
        is_link = Path(path).is_symlink()
        return _found_here(path, Path(path).lstat()) if is_link else None


def _found_here(path: str, status: os.stat_result) -> Found:
    changed = str(status.st_mtime_ns)
    return Found(path, status.st_size, changed, status.st_mtime, mode.S_ISREG(status.st_mode))
