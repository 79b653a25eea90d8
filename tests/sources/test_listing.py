"""Everything found is a row, with its label or with why it will not be read; a wrong source is one clear line."""

import errno
import io
import os
import tarfile
import threading
import time
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pytest
from fsspec.implementations.local import LocalFileSystem
from hypothesis import given, settings
from hypothesis import strategies as st

from nightsort.errors import SourceError
from nightsort.schema import LISTING, OTHER_REASONS, REASONS
from nightsort.sources.listing import label_of, list_source
from nightsort.sources.reader import read


def rows(source: Path, settle_seconds: float = 0) -> list[dict[str, Any]]:
    listing = list_source(str(source), settle_seconds)
    assert listing.schema == LISTING
    return listing.to_pylist()


def by_name(source: Path, settle_seconds: float = 0) -> dict[str, dict[str, Any]]:
    """Rows by their path below the source, or by their member's name."""
    found = rows(source, settle_seconds)
    named = {row["member"] or os.path.relpath(row["path"], source): row for row in found}
    assert len(named) == len(found)
    return named


def fill(folder: Path, *names: str) -> Path:
    for name in names:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(name.encode())
    return folder


def test_class_folders_give_labels_and_the_top_none(tmp_path: Path) -> None:
    found = by_name(fill(tmp_path, "a.jpg", "crack/b.jpg", "crack/deep/er/c.jpg", "dent/d.jpg"))
    assert {name: row["label"] for name, row in found.items()} == {
        "a.jpg": None, "crack/b.jpg": "crack", "crack/deep/er/c.jpg": "crack", "dent/d.jpg": "dent",
    }  # fmt: skip
    assert all(row["outcome"] is None and row["size"] == len(name) for name, row in found.items())


@pytest.mark.parametrize(
    ("inside", "label"),
    [
        ("crack/a.jpg", "crack"),
        ("/crack/a.jpg", "crack"),
        ("train/crack/a.jpg", "crack"),
        ("Validation/crack/deep/a.jpg", "crack"),
        ("test/a.jpg", "test"),
        ("crack/train/a.jpg", "crack"),
        ("./crack/a.jpg", "crack"),
        ("../../crack/a.jpg", "crack"),
        ("/a.jpg", None),
        ("../a.jpg", None),
        ("crack\\a.jpg", "crack"),
        ("", None),
    ],
)
def test_the_label_is_the_first_folder_after_a_split(inside: str, label: str | None) -> None:
    assert label_of(inside) == label


_NAME = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=20).filter(
    lambda name: name not in (".", "..") and len(name.encode()) < 200 and not name.lower().endswith((".zip", ".tar"))
)


@settings(max_examples=40)
@given(st.sets(st.tuples(st.sampled_from(["", "crack", "crack/deep", ".hidden", "__MACOSX"]), _NAME), min_size=1))
def test_every_file_is_one_row_whatever_it_is_called(
    tmp_path_factory: pytest.TempPathFactory, files: set[tuple[str, str]]
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


@pytest.mark.parametrize("kind", ["a.zip", "a.tar", "a.tar.gz", "a.tar.bz2", "a.tar.xz"])
@pytest.mark.parametrize("inside_a_folder", [True, False])
def test_archives_are_looked_into(kind: str, inside_a_folder: bool, tmp_path: Path, pack: Callable[..., Path]) -> None:
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
    tmp_path: Path, pack: Callable[..., Path]
) -> None:
    pack(tmp_path / "crack" / "a.zip", [("1.jpg", b"1"), ("dent/2.jpg", b"2")])
    found = by_name(tmp_path)
    assert (found["1.jpg"]["label"], found["dent/2.jpg"]["label"]) == ("crack", "dent")


@pytest.mark.parametrize("kind", ["a.tar", "a.tar.gz"])
def test_a_cut_tar_is_its_readable_prefix_and_one_bad_archive(
    kind: str, tmp_path: Path, pack: Callable[..., Path]
) -> None:
    entries = [(f"crack/{i}.jpg", os.urandom(40_000)) for i in range(8)]
    archive = pack(tmp_path / kind, entries)
    archive.write_bytes(archive.read_bytes()[: archive.stat().st_size // 2])
    found = rows(archive)
    bad = [row for row in found if row["reason"] == "bad_archive"]
    assert len(bad) == 1 and bad[0]["member"] == "" and bad[0]["detail"] and bad[0]["outcome"] == "quarantined"
    todo = list_source(str(archive)).filter(pa.array([row["reason"] is None for row in found]))
    got = {row["member"]: data for row, data in read(todo, 10**6)}
    whole = {name: data for name, data in got.items() if isinstance(data, bytes)}
    assert 2 <= len(whole) <= 5
    assert whole.items() <= dict(entries).items()
    assert len(got) - len(whole) <= 1  # the member that was cut


@pytest.mark.parametrize("data", [b"", b"no zip at all", b"PK\x03\x04" + b"\xff" * 100])
@pytest.mark.parametrize("kind", ["a.zip", "a.tar", "a.tar.gz"])
def test_a_broken_archive_is_one_row(kind: str, data: bytes, tmp_path: Path) -> None:
    (tmp_path / kind).write_bytes(data)
    fill(tmp_path, "crack/1.jpg")
    found = by_name(tmp_path)
    assert found.keys() == {kind, "crack/1.jpg"}
    assert (found[kind]["outcome"], found[kind]["reason"]) == ("quarantined", "bad_archive")


def test_unsafe_members_are_quarantined_unread(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        info = tarfile.TarInfo("crack/link.jpg")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(info)
    row = by_name(tmp_path)["crack/link.jpg"]
    assert (row["outcome"], row["reason"], row["label"]) == ("quarantined", "unsafe_member", "crack")


@pytest.mark.parametrize(
    "name", ["a.jpg.part", "a.partial", "a.TMP", "a.crdownload", "crack/a.filepart", "big.zip.part"]
)
def test_unfinished_names_are_deferred(name: str, tmp_path: Path) -> None:
    row = by_name(fill(tmp_path, name, "ok.jpg"))[name]
    assert (row["outcome"], row["reason"]) == ("deferred", "still_written")


@pytest.mark.parametrize(
    "name", [".DS_Store", "crack/.a.jpg", "Thumbs.db", "desktop.ini", "_DONE", "__MACOSX/._a.jpg", ".git/a/b.jpg"]
)
def test_hidden_files_and_those_of_the_system_are_skipped(name: str, tmp_path: Path) -> None:
    row = by_name(fill(tmp_path, name, "ok.jpg"))[name]
    assert (row["outcome"], row["reason"]) == ("skipped", "ignored_name")


@pytest.mark.parametrize("above", [".cache", "__MACOSX", "_done"])
def test_the_folders_above_the_source_do_not_matter(above: str, tmp_path: Path, pack: Callable[..., Path]) -> None:
    source = fill(tmp_path / above / "drop", "crack/a.jpg")
    pack(source / "b.zip", [("c.jpg", b"c")])
    assert [row["outcome"] for row in rows(source)] == [None, None]
    assert [row["outcome"] for row in rows(source / "b.zip")] == [None]


def test_linked_files_are_read_and_linked_folders_are_not_followed(tmp_path: Path) -> None:
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


def test_a_pipe_is_a_row_and_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(fill(tmp_path, "crack/a.jpg") / "crack" / "pipe.jpg")
    row = by_name(tmp_path)["crack/pipe.jpg"]
    assert (row["outcome"], row["reason"]) == ("skipped", "not_a_file")


def test_a_file_that_grows_while_it_settles_is_deferred(tmp_path: Path) -> None:
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
    more: bytes, later: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = fill(tmp_path, "a.jpg") / "a.jpg"
    before = file.stat().st_mtime

    def write(seconds: float) -> None:
        file.write_bytes(file.read_bytes() + more)
        os.utime(file, (before + later, before + later))

    monkeypatch.setattr(time, "sleep", write)
    assert [row["outcome"] for row in rows(tmp_path, settle_seconds=60)] == ["deferred"]


def test_what_is_old_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = fill(tmp_path, "crack/old.jpg", "young.part")
    os.utime(source / "crack/old.jpg", (1_000_000, 1_000_000))
    monkeypatch.setattr(time, "sleep", lambda seconds: pytest.fail("waited for nothing"))
    assert len(rows(source, settle_seconds=3600)) == 2


def test_a_growing_archive_is_deferred_whole(tmp_path: Path, pack: Callable[..., Path], monkeypatch: Any) -> None:
    archive = pack(tmp_path / "a.tar", [("1.jpg", b"1")])
    monkeypatch.setattr(time, "sleep", lambda seconds: archive.write_bytes(archive.read_bytes() + bytes(512)))
    found = rows(tmp_path, settle_seconds=60)
    assert [(row["member"], row["outcome"]) for row in found] == [("", "deferred")]


def test_names_that_are_not_utf8_are_rows_that_say_so(tmp_path: Path) -> None:
    fill(tmp_path, "crack/ok.jpg")
    with open(os.fsencode(tmp_path) + b"/crack/\xff\xfe.jpg", "wb") as file:  # noqa: PTH123 (a name of bytes)
        file.write(b"x")
    found = by_name(tmp_path)
    row = found.pop(r"crack/\udcff\udcfe.jpg")
    assert (row["outcome"], row["reason"]) == ("quarantined", "unreadable") and "UTF-8" in row["detail"]
    assert found.keys() == {"crack/ok.jpg"}


def test_members_of_a_tar_whose_names_are_not_utf8_are_rows(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w", encoding="latin-1", format=tarfile.GNU_FORMAT) as tar:
        info = tarfile.TarInfo("crack/\xe9.jpg")
        info.size = 1
        tar.addfile(info, io.BytesIO(b"x"))
    listing = list_source(str(tmp_path))
    assert listing["label"].to_pylist() == ["crack"]
    assert [data for _, data in read(listing, 10)] == [b"x"]


def one_line(source: str) -> str:
    with pytest.raises(SourceError) as caught:
        list_source(source)
    assert len(caught.value.lines) == 1
    return str(caught.value)


def test_a_missing_source_is_one_line(tmp_path: Path) -> None:
    assert one_line(f"{tmp_path}/nowhere") == (
        f"source {tmp_path}/nowhere: does not exist; give a folder or an archive of pictures"
    )


def test_an_empty_source_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "in" / "deep").mkdir(parents=True)
    assert one_line(str(tmp_path)).startswith(f"source {tmp_path}: is empty; expected pictures")


def test_a_single_picture_as_source_is_one_line(tmp_path: Path) -> None:
    fill(tmp_path, "a.jpg")
    assert one_line(f"{tmp_path}/a.jpg").startswith(f"source {tmp_path}/a.jpg: is a single file; give a folder")


@pytest.mark.parametrize("source", ["nosuch://bucket/x", "s3nowhere://x"])
def test_an_unknown_protocol_is_one_line(source: str) -> None:
    assert source in one_line(source)


@pytest.mark.parametrize("folder", ["", "/crack", "/crack/deep"])
def test_a_folder_that_cannot_be_listed_is_named_and_never_left_out(
    folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path, "crack/deep/a.jpg", "dent/b.jpg")
    listed = LocalFileSystem.ls

    def ls(self: LocalFileSystem, path: str, **kwargs: Any) -> Any:
        if path == f"{tmp_path}{folder}":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        return listed(self, path, **kwargs)

    monkeypatch.setattr(LocalFileSystem, "ls", ls)
    assert one_line(str(tmp_path)).startswith(f"source {tmp_path}{folder}: cannot be listed (Permission denied)")


def test_a_folder_that_vanishes_takes_only_its_own_rows_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path, "crack/a.jpg", "dent/b.jpg")
    listed = LocalFileSystem.ls

    def ls(self: LocalFileSystem, path: str, **kwargs: Any) -> Any:
        if path == f"{tmp_path}/crack":
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        return listed(self, path, **kwargs)

    monkeypatch.setattr(LocalFileSystem, "ls", ls)
    assert by_name(tmp_path).keys() == {"dent/b.jpg"}


def test_the_storage_root_is_left_out_where_it_lies_inside_the_source(tmp_path: Path) -> None:
    for name in ("dent/a.jpg", "nightsort-data/reports/r.html", "nightsort-data-2/b.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    listing = list_source(str(tmp_path), leave_out=str(tmp_path / "nightsort-data"))
    assert {Path(path).name for path in listing["path"].to_pylist()} == {"a.jpg", "b.jpg"}


def test_progress_adds_up_to_all_rows(tmp_path: Path, pack: Callable[..., Path]) -> None:
    archive = pack(tmp_path / "a.tar", [(f"{i}.jpg", b"") for i in range(10_001)])
    seen: list[int] = []
    assert list_source(str(archive), on_progress=seen.append).num_rows == 10_001
    assert seen == [10_000, 1]


def test_a_source_that_is_no_local_folder_is_listed_and_read_under_its_uri(
    pack: Callable[..., Path], tmp_path: Path
) -> None:
    fs = fsspec.filesystem("memory")
    fs.pipe("/drop/crack/a.jpg", b"a")
    fs.pipe("/drop/b.zip", pack(tmp_path / "b.zip", [("dent/c.jpg", b"c")]).read_bytes())
    try:
        listing = list_source("memory://drop")
        assert sorted(listing["label"].to_pylist()) == ["crack", "dent"]
        assert sorted(data for _, data in read(listing, 10)) == [b"a", b"c"]
    finally:
        fs.rm("/drop", recursive=True)


def test_an_archive_with_nothing_in_it_is_a_row(tmp_path: Path) -> None:
    zipfile.ZipFile(tmp_path / "nothing.zip", "w").close()
    row = list_source(str(tmp_path)).to_pylist()[0]
    assert (row["outcome"], row["reason"]) == ("skipped", "no_members")


def test_the_storage_root_is_left_out_of_a_source_reached_by_a_link(tmp_path: Path) -> None:
    (tmp_path / "real" / "store").mkdir(parents=True)
    for name in ("real/a.jpg", "real/store/b.parquet"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    listing = list_source(str(tmp_path / "link"), leave_out=str(tmp_path / "real" / "store"))
    assert [Path(path).name for path in listing["path"].to_pylist()] == ["a.jpg"]
