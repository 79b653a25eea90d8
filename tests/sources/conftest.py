"""Builders of archives, honest ones and forged ones."""

import io
import os
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from nightsort.schema import LISTING
from nightsort.sources.files import Access
from nightsort.sources.listing import list_source

Entries = list[tuple[str, bytes]]


def pack(file: Path, entries: Entries) -> Path:
    """Write a zip or a tar, compressed as the name says; a name may occur twice."""
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.suffix == ".zip":
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in entries:
                archive.writestr(zipfile.ZipInfo(name), data)
        return file
    if file.suffix == ".zst":
        plain = pack(file.with_name("plain.tar"), entries)
        with pa.output_stream(file, compression="zstd") as stream:
            stream.write(plain.read_bytes())
        plain.unlink()
        return file
    compression = file.suffix.removeprefix(".") if file.suffix != ".tar" else ""
    with tarfile.open(file, f"w:{compression}") as tar:
        for name, data in entries:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return file


def forge(*members: dict[str, Any], prefix: bytes = b"", comment: bytes = b"", declared: int | None = None) -> bytes:
    """A zip whose headers say what they are told to.

    Each member has a name (bytes) and data (bytes), and may have method, flags, packed (bytes), size, crc, mode,
    and start, the place of another member's local header.
    """
    body, directory = bytearray(prefix), bytearray()
    for member in members:
        name, data = member["name"], member.get("data", b"")
        packed = member.get("packed", data)
        flags, method = member.get("flags", 0x800), member.get("method", 0)
        crc, size = member.get("crc", zlib.crc32(data)), member.get("size", len(data))
        numbers = (flags, method, 0, 33, crc, member.get("packed_size", len(packed)), size, len(name))
        start = member.get("start", len(body) - len(prefix))
        if "start" not in member:
            body += struct.pack("<4sH4H3L2H", b"PK\3\4", 20, *numbers, 0) + name + packed
        mode = member.get("mode", 0o100644) << 16
        directory += struct.pack("<4s2H4H3L5H2L", b"PK\1\2", 0x314, 20, *numbers, 0, 0, 0, 0, mode, start) + name
    count = len(members) if declared is None else declared
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, len(directory), len(body) - len(prefix), len(comment))
    return bytes(body + directory + end + comment)


@pytest.fixture(name="pack", scope="session")
def _pack() -> Callable[[Path, Entries], Path]:
    """Builder of an archive from (name, bytes) pairs."""
    return pack


@pytest.fixture(name="forge", scope="session")
def _forge() -> Callable[..., bytes]:
    """Builder of a zip that may lie."""
    return forge


def table(source: Path | str, **options: Any) -> pa.Table:
    """The whole listing of a source."""
    access = options.pop("access", Access())
    return pa.Table.from_batches(list_source(str(source), access, **options), LISTING)


def rows(source: Path, **options: Any) -> list[dict[str, Any]]:
    """The rows of a source's listing."""
    found: list[dict[str, Any]] = table(source, **options).to_pylist()
    return found


def by_name(source: Path, **options: Any) -> dict[str, dict[str, Any]]:
    """The rows by their path below the source, or by their member's name."""
    found = rows(source, **options)
    named = {row["member"] or os.path.relpath(row["path"], source): row for row in found}
    assert len(named) == len(found)
    return named


def fill(folder: Path, *names: str) -> Path:
    """Write files whose bytes are their names."""
    for name in names:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(name.encode())
    return folder


@pytest.fixture(name="table", scope="session")
def _table() -> Callable[..., pa.Table]:
    """The whole listing of a source."""
    return table


@pytest.fixture(name="rows", scope="session")
def _rows() -> Callable[..., list[dict[str, Any]]]:
    """The rows of a source's listing."""
    return rows


@pytest.fixture(name="by_name", scope="session")
def _by_name() -> Callable[..., dict[str, dict[str, Any]]]:
    """The rows of a source's listing by name."""
    return by_name


@pytest.fixture(name="fill", scope="session")
def _fill() -> Callable[..., Path]:
    """Writer of files whose bytes are their names."""
    return fill
