"""What is still being written is told from what is whole, by looking twice."""

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import pytest

from nightsort.sources import settling

Rows = Callable[..., list[dict[str, Any]]]
Named = Callable[..., dict[str, dict[str, Any]]]
Fill = Callable[..., Path]


def test_a_file_that_grows_while_it_settles_is_deferred(by_name: Named, fill: Fill, tmp_path: Path) -> None:
    source = fill(tmp_path, "crack/growing.jpg", "crack/whole.jpg", "crack/vanishing.jpg", "crack/old.jpg")
    os.utime(source / "crack/old.jpg", (1_000_000, 1_000_000))

    def grow() -> None:
        time.sleep(0.1)
        with (source / "crack/growing.jpg").open("ab") as file:
            file.write(b"more")
        (source / "crack/vanishing.jpg").unlink()

    writer = threading.Thread(target=grow)
    writer.start()
    found = by_name(source, settle_seconds=0.5)
    writer.join()
    assert {name: row["reason"] for name, row in found.items()} == {
        "crack/growing.jpg": "still_written",
        "crack/vanishing.jpg": "still_written",
        "crack/whole.jpg": None,
        "crack/old.jpg": None,
    }


@pytest.mark.parametrize(("more", "later"), [(b"more", 0), (b"", 1)])
def test_a_new_size_or_a_new_time_alone_is_growth(
    rows: Rows, fill: Fill, more: bytes, later: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = fill(tmp_path, "a.jpg") / "a.jpg"
    before = file.stat().st_mtime

    def write(seconds: float) -> None:
        file.write_bytes(file.read_bytes() + more)
        os.utime(file, (before + later, before + later))

    monkeypatch.setattr(time, "sleep", write)
    assert [row["outcome"] for row in rows(tmp_path, settle_seconds=60)] == ["deferred"]


def test_what_is_old_is_not_waited_for(rows: Rows, fill: Fill, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = fill(tmp_path, "crack/old.jpg", "young.part")
    os.utime(source / "crack/old.jpg", (1_000_000, 1_000_000))
    monkeypatch.setattr(time, "sleep", lambda seconds: pytest.fail("waited for nothing"))
    assert len(rows(source, settle_seconds=3600)) == 2


def test_a_growing_archive_is_deferred_whole(
    rows: Rows, tmp_path: Path, pack: Callable[..., Path], monkeypatch: Any
) -> None:
    archive = pack(tmp_path / "a.tar", [("1.jpg", b"1")])
    monkeypatch.setattr(time, "sleep", lambda seconds: archive.write_bytes(archive.read_bytes() + bytes(512)))
    found = rows(tmp_path, settle_seconds=60)
    assert [(row["member"], row["outcome"]) for row in found] == [("", "deferred")]


def test_more_young_files_than_are_held_together_are_all_looked_at_again(
    by_name: Named, fill: Fill, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settling, "_ROWS", 2)
    monkeypatch.setattr(settling, "_BATCHES", 1)
    source = fill(tmp_path, *(f"crack/{i}.jpg" for i in range(9)))
    naps: list[float] = []

    def write(seconds: float) -> None:
        naps.append(seconds)
        (source / "crack/8.jpg").write_bytes(b"longer than before")

    monkeypatch.setattr(time, "sleep", write)
    found = by_name(source, settle_seconds=60)
    assert {name for name, row in found.items() if row["outcome"]} == {"crack/8.jpg"}
    assert len(found) == 9 and len(naps) == 5 and max(naps) <= 60


def test_a_store_is_listed_again(table: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    fs = fsspec.filesystem("memory")
    fs.pipe({"/young/crack/grows.jpg": b"a", "/young/crack/whole.jpg": b"b", "/young/dent/gone.jpg": b"c"})

    def write(seconds: float) -> None:
        fs.pipe("/young/crack/grows.jpg", b"aa")
        fs.rm("/young/dent/gone.jpg")

    monkeypatch.setattr(time, "sleep", write)
    try:
        rows = table("memory://young", settle_seconds=60).to_pylist()
    finally:
        fs.rm("/young", recursive=True)
    assert {Path(row["path"]).name: row["reason"] for row in rows} == {
        "grows.jpg": "still_written", "gone.jpg": "still_written", "whole.jpg": None,
    }  # fmt: skip
