"""Owns what a file that holds many pictures is: which files are one, and which reader is theirs.

Invariant: members are listed and read in place and never written anywhere; each has a name of its own;
after `max_members` the rest is refused, aloud. An archive in an archive is not opened.
Does not know any format.
"""

from collections.abc import Iterator
from dataclasses import replace
from types import ModuleType

from nightsort.errors import PictureError
from nightsort.sources import arrays, tars, video, zips
from nightsort.sources.entry import DAMAGE, Entry
from nightsort.sources.files import Access, local, partial
from nightsort.sources.names import tell_apart

__all__ = ["DAMAGE", "Entry", "contents", "entries", "is_container"]

_READERS = (tars, zips, video, arrays)
"""Each has `is_one`, `entries` and `contents`; see CONTRIBUTING.md, "Add a source"."""


def is_container(path: str) -> bool:
    """Whether the name says that this file holds many pictures."""
    return _reader(path) is not None


def entries(path: str, access: Access) -> Iterator[Entry]:
    """Every picture in a container, in its order, as it streams by; members that are refused say why.

    :param path: path or URI of a file that `is_container`
    :raises: one of DAMAGE, after the members before it
    """
    file = local(path, access)
    found = (
        arrays.entries(file, access, lambda name: local(_beside(path, name), access))
        if _named(path) is arrays
        else _named(path).entries(file, access)
    )
    yield from tell_apart(_judged(_bounded(found, access.max_members)))
    if damage := partial(file):
        raise EOFError(damage)


def contents(path: str, wanted: list[tuple[str, int]], access: Access) -> Iterator[tuple[str, bytes | PictureError]]:
    """Bytes of the wanted pictures, or what was wrong with each; any number of processes may read at once.

    :param wanted: name and offset of each, from `entries`; in the order of the offsets is fastest
    :raises: one of DAMAGE, if the container as a whole cannot be read
    """
    return iter(_named(path).contents(local(path, access), wanted, access))


def _reader(path: str) -> ModuleType | None:
    return next((reader for reader in _READERS if reader.is_one(path)), None)


def _named(path: str) -> ModuleType:
    reader = _reader(path)
    if not reader:
        archives = ", ".join((*zips.ENDINGS, *tars.ENDINGS))
        raise ValueError(f"{path}: the name is that of no container; archives end with {archives}")
    return reader


def _beside(path: str, name: str) -> str:
    """Another file in the same folder."""
    folder, slash, _ = path.rpartition("/")
    return folder + slash + name


def _bounded(entries: Iterator[Entry], max_members: int) -> Iterator[Entry]:
    for count, entry in enumerate(entries):
        if count == max_members:
            raise ValueError(f"more than {max_members} members; raise max_members to take the rest")
        yield entry


def _judged(entries: Iterator[Entry]) -> Iterator[Entry]:
    for entry in entries:
        nested = not entry.reason and (zips.is_one(entry.name) or tars.is_one(entry.name))
        yield replace(entry, reason="nested_archive") if nested else entry
