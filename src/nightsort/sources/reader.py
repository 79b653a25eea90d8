"""Owns reading the bytes of listed files and members of containers.

Invariant: every row that goes in comes out once, with its bytes or with what was wrong; rows are
matched by name, never by position.
Does not know what a picture is.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from nightsort.errors import PictureError
from nightsort.sources.containers import DAMAGE, contents, entries
from nightsort.sources.entry import failure
from nightsort.sources.files import Access, fetch

Row = dict[str, Any]
Pair = tuple[Row, bytes | PictureError]


def read(rows: pa.Table, access: Access) -> Iterator[Pair]:
    """Bytes of each row of a listing, plain files first, then one container after another.

    :param rows: columns path and member, and offset and size if known, as in LISTING
    """
    files: dict[str, list[Row]] = defaultdict(list)
    in_containers: dict[str, dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in rows.to_pylist():
        if row["member"]:
            in_containers[row["path"]][row["member"]].append(row)
        else:
            files[row["path"]].append(row)
    yield from _read_files(files, access)
    for path, members in in_containers.items():
        yield from _read_members(path, members, access)


def read_unchanged(rows: pa.Table, access: Access) -> Iterator[Pair]:
    """The same, where only the bytes that came to an outcome will do.

    :param rows: column sha256 too
    """
    for row, data in read(rows, access):
        if isinstance(data, bytes) and hashlib.sha256(data).hexdigest() != row["sha256"]:
            data = PictureError("unreadable", "the file holds other bytes than when it was classified")
        yield row, data


def _read_files(files: dict[str, list[Row]], access: Access) -> Iterator[Pair]:
    wanted = []
    for path, rows in files.items():
        size = rows[0].get("size") or 0
        if size > access.max_bytes:
            yield from _each(rows, PictureError("too_large", f"{size} bytes, of {access.max_bytes} allowed"))
        else:
            wanted.append((path, size))
    for path, data in fetch(wanted, access):
        yield from _each(files[path], data)


def _read_members(path: str, members: dict[str, list[Row]], access: Access) -> Iterator[Pair]:
    missing = PictureError("unreadable", "no longer in the archive")
    places = {name: rows[0].get("offset") for name, rows in members.items()}
    try:
        if None in places.values():
            for entry in entries(path, access):
                if entry.name in places:
                    places[entry.name] = entry.offset
    except DAMAGE as error:
        missing = failure(error)
    found = [(name, offset) for name, offset in places.items() if offset is not None]
    try:
        for name, data in contents(path, sorted(found, key=lambda place: place[1]), access):
            yield from _each(members.pop(name), data)
    except DAMAGE as error:
        missing = failure(error)
    for rows in members.values():
        yield from _each(rows, missing)


def _each(rows: list[Row], data: bytes | PictureError) -> Iterator[Pair]:
    for row in rows:
        yield row, data
