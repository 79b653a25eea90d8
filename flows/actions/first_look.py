"""Owns a first look at labelled pictures, before anything is taken in: how many of which class, and how large.

Invariant: labels are read as an ingest would read them; no picture is decoded, nothing is written. Does not know
what is made of it.
"""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from nightsort import disk
from nightsort.errors import PictureError, SourceError
from nightsort.images.header import declared_size, picture_format
from nightsort.reports.formats import plural
from nightsort.sources.files import Access
from nightsort.sources.labels import SPLIT_NAMES
from nightsort.sources.listing import list_source
from nightsort.sources.manifest import is_manifest

_SECONDS = 10.0
_HEADERS = 40  # pictures whose size is looked at
_BYTES = 65_536  # of each; a header lies in them
_SIDES = (32, 64)  # image sizes for small pictures; larger ones are shrunk to the default anyway
_RARE = 5  # times fewer pictures than the commonest class has


@dataclass(frozen=True)
class Seen:
    """What lies there.

    :param classes: files of each class
    :param unlabelled: files without a class
    :param splits: the folders are called as splits are
    :param manifests: files beside the pictures that may name the labels
    :param side: shorter side of a usual picture in pixels; None if none was looked at
    :param whole: all was looked at
    """

    classes: Counter[str]
    unlabelled: int
    splits: bool
    manifests: list[str]
    side: float | None
    whole: bool

    @property
    def image_size(self) -> int | None:
        """The least side that loses nothing of small pictures; None where the default does."""
        return next((side for side in _SIDES if self.side is not None and self.side <= side * 1.25), None)

    @property
    def rare(self) -> bool:
        """Whether a class is rare beside the commonest."""
        return bool(self.classes) and min(self.classes.values()) * _RARE <= max(self.classes.values())

    def __str__(self) -> str:
        more, noun = "" if self.whole else "more than ", "file" if self.side is None else "picture"
        if not self.classes and not self.unlabelled:
            return "no picture yet"
        if not self.classes:
            return f"{more}{plural(self.unlabelled, noun)} without a class folder; a manifest may name their classes"
        if len(self.classes) == 1:
            need = "a classifier needs two or more, each a folder at the top or named by a manifest"
            return f"{more}{plural(self.classes.total(), noun)} in 1 class ({next(iter(self.classes))}); {need}"
        rarest = min(self.classes, key=lambda label: (self.classes[label], label))
        return "".join(
            (
                f"{more}{plural(self.classes.total(), noun)} in {plural(len(self.classes), 'class')}",
                f", rarest {self.classes[rarest]} ({rarest})",
                f"; {plural(self.unlabelled, noun)} without a class" if self.unlabelled else "",
                f"; about {self.side:.0f} px on the shorter side" if self.side else "",
            )
        )


def seen_at(place: str, manifest: str | None, folder: Path, tell: Callable[[str], Any]) -> Seen | None:
    """What lies there; None, and a line about it, if that cannot be known now.

    :param tell: called with a line for a person
    """
    try:
        seen = look(place, manifest, folder)
    except SourceError as error:
        for line in f"{error}; written down all the same".split("\n"):
            tell(line)
        return None
    tell(f"{place}: {seen or 'is not on this machine, so it was not looked at'}")
    return seen


def look(place: str, manifest: str | None, folder: Path) -> Seen | None:
    """Look for a few seconds; None for what is not on this machine, which is not reached for.

    :param folder: where relative places begin
    :raises SourceError: if there is no such source, or the manifest is faulty
    """
    if disk.is_uri(place):
        return None
    source = disk.absolute(place, folder)
    until, whole = time.monotonic() + _SECONDS, True
    classes: Counter[str | None] = Counter()
    side = None
    manifest = disk.anchored(manifest, folder) if manifest else None
    with TemporaryDirectory() as scratch:
        for batch in list_source(source, Access(scratch), manifest=manifest):
            if time.monotonic() > until:
                whole = False
                break
            rows = [row for row in batch.to_pylist() if _is_picture(row)]
            classes.update(row["label"] for row in rows)
            side = side or _side([row["path"] for row in rows if not row["member"]])
    names = [entry.name for entry in Path(source).iterdir()] if Path(source).is_dir() else []
    return Seen(
        classes=Counter({label: count for label, count in classes.items() if label is not None}),
        unlabelled=classes[None],
        splits=len({SPLIT_NAMES.get(name.lower()) for name in names} - {None}) > 1,
        manifests=sorted(filter(is_manifest, names)),
        side=side,
        whole=whole,
    )


def _is_picture(row: dict[str, Any]) -> bool:
    """Whether a row of a listing is to be read; a manifest that lies there is no picture."""
    return row["outcome"] is None and not (row["label"] is None and is_manifest(row["path"]))


def _side(paths: Sequence[str]) -> float | None:
    """The median of the shorter sides of some of the pictures, in pixels."""
    some = paths[:: max(1, len(paths) // _HEADERS)][:_HEADERS]
    sides = [side for side in map(_shorter, some) if side]
    return median(sides) if sides else None


def _shorter(path: str) -> int | None:
    try:
        with Path(path).open("rb") as file:
            data = file.read(_BYTES)
        return min(declared_size(data, picture_format(data)))
    except (OSError, PictureError):
        return None
