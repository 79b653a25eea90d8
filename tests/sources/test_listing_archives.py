"""Containers are listed member by member, also when they are damaged."""

import io
import os
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from nightsort.sources.files import Access
from nightsort.sources.reader import read

Rows = Callable[..., list[dict[str, Any]]]
Named = Callable[..., dict[str, dict[str, Any]]]
Fill = Callable[..., Path]
Listed = Callable[..., pa.Table]


@pytest.mark.parametrize("kind", ["a.zip", "a.tar", "a.tar.gz", "a.tar.bz2", "a.tar.xz"])
@pytest.mark.parametrize("inside_a_folder", [True, False])
def test_archives_are_looked_into(
    by_name: Named, kind: str, inside_a_folder: bool, tmp_path: Path, pack: Callable[..., Path]
) -> None:
    entries = [("crack/1.jpg", b"1"), ("train/dent/2.jpg", b"22"), ("3.jpg", b"333"), (".hidden.jpg", b"4")]
    archive = pack(tmp_path / "inbox" / kind, entries)
    found = by_name(archive.parent if inside_a_folder else archive)
    assert {name: (row["label"], row["outcome"]) for name, row in found.items()} == {
        "crack/1.jpg": ("crack", None),
        "train/dent/2.jpg": ("dent", None),
        "3.jpg": (None, None),
        ".hidden.jpg": (None, "skipped"),
    }
    assert {row["path"] for row in found.values()} == {str(archive)}
    assert [row["size"] for row in found.values()] == [1, 2, 3, 1]


def test_an_archive_in_a_class_folder_lends_its_label_to_members_without_one(
    by_name: Named, tmp_path: Path, pack: Callable[..., Path]
) -> None:
    pack(tmp_path / "crack" / "a.zip", [("1.jpg", b"1"), ("dent/2.jpg", b"2")])
    found = by_name(tmp_path)
    assert (found["1.jpg"]["label"], found["dent/2.jpg"]["label"]) == ("crack", "dent")


@pytest.mark.parametrize("kind", ["a.tar", "a.tar.gz"])
def test_a_cut_tar_is_its_readable_prefix_and_one_bad_archive(
    rows: Rows, table: Listed, kind: str, tmp_path: Path, pack: Callable[..., Path]
) -> None:
    entries = [(f"crack/{i}.jpg", os.urandom(40_000)) for i in range(8)]
    archive = pack(tmp_path / kind, entries)
    archive.write_bytes(archive.read_bytes()[: archive.stat().st_size // 2])
    found = rows(archive)
    bad = [row for row in found if row["reason"] == "bad_archive"]
    assert len(bad) == 1 and bad[0]["member"] == "" and bad[0]["detail"] and bad[0]["outcome"] == "quarantined"
    todo = table(archive).filter(pa.array([row["reason"] is None for row in found]))
    got = {row["member"]: data for row, data in read(todo, Access())}
    whole = {name: data for name, data in got.items() if isinstance(data, bytes)}
    assert 2 <= len(whole) <= 5
    assert whole.items() <= dict(entries).items()
    assert len(got) - len(whole) <= 1  # the member that was cut


@pytest.mark.parametrize("data", [b"", b"no zip at all", b"PK\x03\x04" + b"\xff" * 100])
@pytest.mark.parametrize("kind", ["a.zip", "a.tar", "a.tar.gz"])
def test_a_broken_archive_is_one_row(by_name: Named, fill: Fill, kind: str, data: bytes, tmp_path: Path) -> None:
    (tmp_path / kind).write_bytes(data)
    fill(tmp_path, "crack/1.jpg")
    found = by_name(tmp_path)
    assert found.keys() == {kind, "crack/1.jpg"}
    assert (found[kind]["outcome"], found[kind]["reason"]) == ("quarantined", "bad_archive")


def test_unsafe_members_are_quarantined_unread(by_name: Named, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        info = tarfile.TarInfo("crack/link.jpg")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(info)
    row = by_name(tmp_path)["crack/link.jpg"]
    assert (row["outcome"], row["reason"], row["label"]) == ("quarantined", "unsafe_member", "crack")


def test_members_of_a_tar_whose_names_are_not_utf8_are_rows(table: Listed, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w", encoding="latin-1", format=tarfile.GNU_FORMAT) as tar:
        info = tarfile.TarInfo("crack/\xe9.jpg")
        info.size = 1
        tar.addfile(info, io.BytesIO(b"x"))
    listing = table(tmp_path)
    assert listing["label"].to_pylist() == ["crack"]
    assert [data for _, data in read(listing, Access())] == [b"x"]


def test_an_archive_with_nothing_in_it_is_a_row(table: Listed, tmp_path: Path) -> None:
    zipfile.ZipFile(tmp_path / "nothing.zip", "w").close()
    row = table(tmp_path).to_pylist()[0]
    assert (row["outcome"], row["reason"]) == ("skipped", "no_members")


def test_a_member_has_the_stamp_of_its_archive_and_its_split(
    table: Listed, tmp_path: Path, pack: Callable[..., Path]
) -> None:
    archive = pack(tmp_path / "val" / "a.zip", [("crack/1.jpg", b"1"), ("test/crack/2.jpg", b"2")])
    rows = table(tmp_path, folder_splits=True).to_pylist()
    assert [(row["label"], row["split"]) for row in rows] == [("crack", "validation"), ("crack", "test")]
    assert {row["stamp"] for row in rows} == {str(archive.stat().st_mtime_ns)}
    assert [row["offset"] for row in rows] == sorted({row["offset"] for row in rows})
