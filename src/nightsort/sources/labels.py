"""Owns what a name below the source says: the class, the split, and whether it is a picture's at all.

Invariant: only the name is looked at, never the file; separators may be those of Windows.
Does not know where the name comes from: a folder, an archive or a manifest.
"""

from functools import lru_cache
from typing import NamedTuple

from nightsort.sources.arrays import is_companion, is_pickle

_UNFINISHED = (".part", ".partial", ".tmp", ".crdownload", ".filepart")
_IGNORED = {"thumbs.db", "desktop.ini", "_done", "__macosx"}

SPLIT_NAMES = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation"), "validation"),
    "test": "test",
}
"""What people call the splits, in small letters."""

Decision = tuple[str, str, str]
"""Outcome, reason and detail of a row that is decided before it is read."""


class _Folder(NamedTuple):
    """What the folders on the way to a file say."""

    label: str | None
    split: str | None
    label_in_split: str | None
    ignored: bool


@lru_cache(maxsize=4096)
def _folder(inside: str) -> _Folder:
    folders = [part for part in inside.replace("\\", "/").split("/") if part not in ("", ".", "..")]
    split = SPLIT_NAMES.get(folders[0].lower()) if folders else None
    below = folders[1:] if split else folders
    first = folders[0] if folders else None
    label = below[0] if below else None
    return _Folder(label or first, split, label, any(map(_is_ignored, folders)))


def _of(inside: str) -> _Folder:
    return _folder(inside.replace("\\", "/").rpartition("/")[0])


def _is_ignored(part: str) -> bool:
    return part.startswith(".") or part.lower() in _IGNORED


def label_of(inside: str, folder_splits: bool = False) -> str | None:
    """The class folder of a path below the source: its first folder, after one named like a split.

    :param folder_splits: a folder named like a split is one, also where it is the only folder

    >>> label_of("crack/a.jpg"), label_of("train/crack/a.jpg"), label_of("a.jpg")
    ('crack', 'crack', None)
    >>> label_of("test/a.jpg"), label_of("test/a.jpg", folder_splits=True)
    ('test', None)
    """
    folder = _of(inside)
    return folder.label_in_split if folder_splits else folder.label


def split_of(inside: str) -> str | None:
    """The split that the first folder of a path below the source is named after.

    >>> split_of("val/crack/a.jpg"), split_of("crack/test/a.jpg")
    ('validation', None)
    """
    return _of(inside).split


def decided_by_name(inside: str) -> Decision | None:
    """Outcome, reason and detail of a path below the source that its name alone decides."""
    folder, _, name = inside.replace("\\", "/").rpartition("/")
    if name.lower().endswith(_UNFINISHED):
        return "deferred", "still_written", ""
    if _is_ignored(name) or _folder(folder).ignored or is_companion(name):
        return "skipped", "ignored_name", ""
    if is_pickle(name):
        return "quarantined", "unsupported_format", "a Python pickle, which is never opened; take the binary version"
    return None
