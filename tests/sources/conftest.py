"""Builders of archives."""

import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

Entries = list[tuple[str, bytes]]


def pack(file: Path, entries: Entries) -> Path:
    """Write a zip or a tar, compressed as the name says; a name may occur twice."""
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.suffix == ".zip":
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in entries:
                archive.writestr(zipfile.ZipInfo(name), data)
        return file
    compression = file.suffix.removeprefix(".") if file.suffix != ".tar" else ""
    with tarfile.open(file, f"w:{compression}") as tar:
        for name, data in entries:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return file


@pytest.fixture(name="pack", scope="session")
def _pack() -> Callable[[Path, Entries], Path]:
    """Builder of an archive from (name, bytes) pairs."""
    return pack
