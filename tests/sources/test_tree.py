"""Every folder is walked, here and in a store; what cannot be is named."""

import errno
import os
from collections.abc import Callable
from pathlib import Path, PureWindowsPath
from typing import Any

import fsspec
import pyarrow as pa
import pytest

from nightsort.errors import SourceError
from nightsort.sources.files import Access
from nightsort.sources.reader import read
from nightsort.sources.tree import slashed

Named = Callable[..., dict[str, dict[str, Any]]]
Fill = Callable[..., Path]
Listed = Callable[..., pa.Table]


def test_linked_files_are_read_and_linked_folders_are_not_followed(by_name: Named, fill: Fill, tmp_path: Path) -> None:
    source = fill(tmp_path / "source", "crack/a.jpg")
    fill(tmp_path / "elsewhere", "b.jpg")
    (source / "crack" / "file.jpg").symlink_to(tmp_path / "elsewhere" / "b.jpg")
    (source / "crack" / "loop").symlink_to(source)
    (source / "crack" / "out").symlink_to(tmp_path / "elsewhere")
    (source / "crack" / "gone.jpg").symlink_to(tmp_path / "nowhere.jpg")
    found = by_name(source)
    assert {name: row["reason"] for name, row in found.items()} == {
        "crack/a.jpg": None,
        "crack/file.jpg": None,
        "crack/gone.jpg": "not_a_file",
        "crack/loop": "not_a_file",
        "crack/out": "not_a_file",
    }
    assert found["crack/file.jpg"]["size"] == len("b.jpg")


def test_a_pipe_is_a_row_and_is_not_opened(by_name: Named, fill: Fill, tmp_path: Path) -> None:
    os.mkfifo(fill(tmp_path, "crack/a.jpg") / "crack" / "pipe.jpg")
    row = by_name(tmp_path)["crack/pipe.jpg"]
    assert (row["outcome"], row["reason"]) == ("skipped", "not_a_file")


@pytest.mark.parametrize("folder", ["", "/crack", "/crack/deep"])
def test_a_folder_that_cannot_be_listed_is_named_and_never_left_out(
    fill: Fill, table: Listed, folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path, "crack/deep/a.jpg", "dent/b.jpg")
    scanned = os.scandir

    def scandir(path: str) -> Any:
        if path == f"{tmp_path}{folder}":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        return scanned(path)

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(
        SourceError, match=f"^source {tmp_path}{folder}: cannot be listed \\(Permission denied\\); mend"
    ):
        table(tmp_path)


def test_a_folder_that_vanishes_takes_only_its_own_rows_along(
    by_name: Named, fill: Fill, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path, "crack/a.jpg", "dent/b.jpg")
    scanned = os.scandir

    def scandir(path: str) -> Any:
        if path == f"{tmp_path}/crack":
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        return scanned(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert by_name(tmp_path).keys() == {"dent/b.jpg"}


def test_the_storage_root_is_left_out_where_it_lies_inside_the_source(table: Listed, tmp_path: Path) -> None:
    for name in ("dent/a.jpg", "nightsort-data/reports/r.html", "nightsort-data-2/b.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    listing = table(tmp_path, leave_out=str(tmp_path / "nightsort-data"))
    assert {Path(path).name for path in listing["path"].to_pylist()} == {"a.jpg", "b.jpg"}


def test_the_storage_root_is_left_out_of_a_source_reached_by_a_link(table: Listed, tmp_path: Path) -> None:
    (tmp_path / "real" / "store").mkdir(parents=True)
    for name in ("real/a.jpg", "real/store/b.parquet"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    listing = table(tmp_path / "link", leave_out=str(tmp_path / "real" / "store"))
    assert [Path(path).name for path in listing["path"].to_pylist()] == ["a.jpg"]


def test_the_storage_root_is_no_source(table: Listed, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="is the storage root, too; keep pictures and results apart"):
        table(tmp_path, leave_out=str(tmp_path))


def test_a_source_that_is_no_local_folder_is_listed_and_read_under_its_uri(
    table: Listed, pack: Callable[..., Path], tmp_path: Path
) -> None:
    fs = fsspec.filesystem("memory")
    fs.pipe("/drop/crack/a.jpg", b"a")
    fs.pipe("/drop/b.zip", pack(tmp_path / "b.zip", [("dent/c.jpg", b"c")]).read_bytes())
    try:
        listing = table("memory://drop")
        assert sorted(listing["label"].to_pylist()) == ["crack", "dent"]
        assert sorted(data for _, data in read(listing, Access())) == [b"a", b"c"]
    finally:
        fs.rm("/drop", recursive=True)


def test_a_path_has_forward_slashes_where_the_system_has_others() -> None:
    assert slashed("C:/pictures\\red\\a.png", "\\") == PureWindowsPath("C:/pictures/red/a.png").as_posix()
    assert slashed("/pictures/a\\b.png", "/") == "/pictures/a\\b.png"  # a name of its own, here


def test_a_source_is_the_same_by_its_other_names(table: Listed, tmp_path: Path) -> None:
    (tmp_path / "drop").mkdir()
    (tmp_path / "drop" / "a.png").write_bytes(b"x")
    (tmp_path / "other").mkdir()
    plain, round_about = (
        table(str(place))["path"].to_pylist() for place in (tmp_path / "drop", f"{tmp_path}/other/../drop")
    )
    assert plain == round_about == [str(tmp_path / "drop" / "a.png")]
