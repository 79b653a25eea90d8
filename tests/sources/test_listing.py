"""Everything found is a row, with its label or with why it will not be read; a wrong source is one clear line."""

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nightsort.errors import SourceError
from nightsort.schema import LISTING, OTHER_REASONS, REASONS
from nightsort.sources.files import Access
from nightsort.sources.listing import Row, list_source

Rows = Callable[..., list[dict[str, Any]]]
Named = Callable[..., dict[str, dict[str, Any]]]
Fill = Callable[..., Path]
Listed = Callable[..., pa.Table]


def test_class_folders_give_labels_and_the_top_none(by_name: Named, fill: Fill, tmp_path: Path) -> None:
    found = by_name(fill(tmp_path, "a.jpg", "crack/b.jpg", "crack/deep/er/c.jpg", "dent/d.jpg"))
    assert {name: row["label"] for name, row in found.items()} == {
        "a.jpg": None, "crack/b.jpg": "crack", "crack/deep/er/c.jpg": "crack", "dent/d.jpg": "dent",
    }  # fmt: skip
    assert all(row["outcome"] is None and row["size"] == len(name) for name, row in found.items())


_NAME = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=20).filter(
    lambda name: name not in (".", "..") and len(name.encode()) < 200 and not name.lower().endswith((".zip", ".tar"))
)


@settings(max_examples=40)
@given(st.sets(st.tuples(st.sampled_from(["", "crack", "crack/deep", ".hidden", "__MACOSX"]), _NAME), min_size=1))
def test_every_file_is_one_row_whatever_it_is_called(
    rows: Rows, tmp_path_factory: pytest.TempPathFactory, files: set[tuple[str, str]]
) -> None:
    source = tmp_path_factory.mktemp("source")
    for folder, name in files:
        (source / folder).mkdir(parents=True, exist_ok=True)
        if not (source / folder / name).exists():
            (source / folder / name).write_bytes(b"x")
    on_disk = Counter(str(file) for file in source.rglob("*") if file.is_file())
    found = rows(source)
    assert Counter(row["path"] for row in found) == on_disk
    assert all((row["outcome"] is None) == (row["reason"] is None) for row in found)
    assert {row["reason"] for row in found} <= {None, *REASONS, *OTHER_REASONS}


@pytest.mark.parametrize(
    "name", ["a.jpg.part", "a.partial", "a.TMP", "a.crdownload", "crack/a.filepart", "big.zip.part"]
)
def test_unfinished_names_are_deferred(by_name: Named, fill: Fill, name: str, tmp_path: Path) -> None:
    row = by_name(fill(tmp_path, name, "ok.jpg"))[name]
    assert (row["outcome"], row["reason"]) == ("deferred", "still_written")


@pytest.mark.parametrize(
    "name", [".DS_Store", "crack/.a.jpg", "Thumbs.db", "desktop.ini", "_DONE", "__MACOSX/._a.jpg", ".git/a/b.jpg"]
)
def test_hidden_files_and_those_of_the_system_are_skipped(
    by_name: Named, fill: Fill, name: str, tmp_path: Path
) -> None:
    row = by_name(fill(tmp_path, name, "ok.jpg"))[name]
    assert (row["outcome"], row["reason"]) == ("skipped", "ignored_name")


@pytest.mark.parametrize("above", [".cache", "__MACOSX", "_done"])
def test_the_folders_above_the_source_do_not_matter(
    rows: Rows, fill: Fill, above: str, tmp_path: Path, pack: Callable[..., Path]
) -> None:
    source = fill(tmp_path / above / "drop", "crack/a.jpg")
    pack(source / "b.zip", [("c.jpg", b"c")])
    assert [row["outcome"] for row in rows(source)] == [None, None]
    assert [row["outcome"] for row in rows(source / "b.zip")] == [None]


def test_names_that_are_not_utf8_are_rows_that_say_so(by_name: Named, fill: Fill, tmp_path: Path) -> None:
    fill(tmp_path, "crack/ok.jpg")
    with open(os.fsencode(tmp_path) + b"/crack/\xff\xfe.jpg", "wb") as file:  # noqa: PTH123 (a name of bytes)
        file.write(b"x")
    found = by_name(tmp_path)
    row = found.pop(r"crack/\udcff\udcfe.jpg")
    assert (row["outcome"], row["reason"]) == ("quarantined", "bad_name") and "UTF-8" in row["detail"]
    assert found.keys() == {"crack/ok.jpg"}


def one_line(source: str) -> str:
    with pytest.raises(SourceError) as caught:
        list(list_source(source, Access()))
    assert len(caught.value.lines) == 1
    return str(caught.value)


def test_a_missing_source_is_one_line(tmp_path: Path) -> None:
    assert one_line(f"{tmp_path}/nowhere") == (
        f"source {tmp_path}/nowhere: does not exist; give a folder, a bucket, an archive or a video"
    )


def test_an_empty_source_has_no_rows(tmp_path: Path) -> None:
    (tmp_path / "in" / "deep").mkdir(parents=True)
    assert list(list_source(str(tmp_path), Access())) == []


def test_a_single_picture_as_source_is_one_line(fill: Fill, tmp_path: Path) -> None:
    fill(tmp_path, "a.jpg")
    assert one_line(f"{tmp_path}/a.jpg").startswith(f"source {tmp_path}/a.jpg: is a single file; give a folder")


@pytest.mark.parametrize("source", ["nosuch://bucket/x", "s3nowhere://x"])
def test_an_unknown_protocol_is_one_line(source: str) -> None:
    assert source in one_line(source)


def test_progress_adds_up_to_all_rows(table: Listed, tmp_path: Path, pack: Callable[..., Path]) -> None:
    archive = pack(tmp_path / "a.tar", [(f"{i}.jpg", b"") for i in range(10_001)])
    seen: list[int] = []
    assert table(archive, on_progress=seen.append).num_rows == 10_001
    assert seen == [10_000, 1]


def test_a_row_has_the_columns_of_the_schema(table: Listed, fill: Fill, tmp_path: Path) -> None:
    assert list(Row._fields) == LISTING.names
    row = table(fill(tmp_path, "crack/a.jpg")).to_pylist()[0]
    status = (tmp_path / "crack/a.jpg").stat()
    assert (row["path"], row["member"], row["offset"]) == (str(tmp_path / "crack/a.jpg"), "", None)
    assert (row["size"], row["stamp"]) == (status.st_size, str(status.st_mtime_ns))


def test_a_listing_streams(fill: Fill, tmp_path: Path) -> None:
    fill(tmp_path, *(f"{folder}/{i}.jpg" for folder in "ab" for i in range(6_000)))
    batches = list_source(str(tmp_path), Access())
    first = next(batches)
    assert first.num_rows == 10_000
    (tmp_path / "a").rename(tmp_path / "c")  # it is past already
    assert [batch.num_rows for batch in batches] == [2_000]


def test_folders_named_like_splits_are_splits_when_asked(table: Listed, fill: Fill, tmp_path: Path) -> None:
    source = fill(tmp_path, "train/crack/1.jpg", "Val/crack/2.jpg", "test/dent/3.jpg", "test/4.jpg", "crack/5.jpg")

    def said(**options: bool) -> dict[str, tuple[str | None, str | None]]:
        rows = table(source, **options).to_pylist()
        return {Path(row["path"]).name: (row["label"], row["split"]) for row in rows}

    assert said(folder_splits=True) == {
        "1.jpg": ("crack", "train"),
        "2.jpg": ("crack", "validation"),
        "3.jpg": ("dent", "test"),
        "4.jpg": (None, "test"),
        "5.jpg": ("crack", None),
    }
    assert {split for _, split in said().values()} == {None}
    assert said()["4.jpg"] == ("test", None)
