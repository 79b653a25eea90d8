"""Owns reading the bytes of listed files and archive members, and their fingerprint.

Invariant: every row that goes in comes out once, with its bytes or with what was wrong; rows are
matched by name, never by position.
Does not know what a picture is.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
from fsspec.core import url_to_fs

from nightsort.errors import PictureError
from nightsort.schema import FINGERPRINTS
from nightsort.sources.archive import DAMAGE, contents, read_capped

Row = dict[str, Any]


def read(rows: pa.Table, max_bytes: int) -> Iterator[tuple[Row, bytes | PictureError]]:
    """Bytes of each row of a listing; rows of one archive are read in one pass.

    :param rows: table of the schema LISTING or FINGERPRINTS, each path and member once
    :param max_bytes: a larger file or member is PictureError `too_large`
    """
    in_archive: dict[str, dict[str, Row]] = defaultdict(dict)
    for row in rows.to_pylist():
        if row["member"]:
            in_archive[row["path"]][row["member"]] = row
        else:
            yield row, _read_file(row["path"], max_bytes)
    for path, items in in_archive.items():
        yield from _read_members(path, items, max_bytes)


def _read_file(path: str, max_bytes: int) -> bytes | PictureError:
    try:
        fs, name = url_to_fs(path)
        with fs.open(name, "rb") as file:
            return read_capped(file, max_bytes)
    except PictureError as error:
        return error
    except OSError as error:
        return PictureError("unreadable", error.strerror or str(error))


def _read_members(path: str, items: dict[str, Row], max_bytes: int) -> Iterator[tuple[Row, bytes | PictureError]]:
    detail = "no longer in the archive"
    try:
        fs, name = url_to_fs(path)
        with fs.open(name, "rb") as file:
            for member, data in contents(file, path, set(items), max_bytes):
                yield items.pop(member), data
    except DAMAGE as error:
        detail = str(error)
    for item in items.values():
        yield item, PictureError("unreadable", detail)


def fingerprint(rows: pa.Table, max_bytes: int) -> pa.Table:
    """Add the SHA-256 of the bytes to each row; a row that cannot be read is decided as quarantined.

    :param rows: undecided rows of the schema LISTING
    :returns: as many rows of the schema FINGERPRINTS, in any order
    """
    return pa.Table.from_pylist([_fingerprint(*pair) for pair in read(rows, max_bytes)], schema=FINGERPRINTS)


def _fingerprint(row: Row, data: bytes | PictureError) -> Row:
    if isinstance(data, PictureError):
        return {**row, "outcome": "quarantined", "reason": data.reason, "detail": data.detail}
    return {**row, "sha256": hashlib.sha256(data).hexdigest()}
