"""Files on this machine: plain ones left alone, compressed ones unpacked once, and each fault its own."""

import errno
import gzip
import lzma
import multiprocessing
import os
import sys
from pathlib import Path
from typing import BinaryIO

import fsspec
import pytest
from fsspec.implementations.local import LocalFileSystem

from nightsort.errors import SourceError, WriteError
from nightsort.sources import files
from nightsort.sources.files import Access, existing, fetch, filesystem, local, partial, stamp


@pytest.fixture
def access(tmp_path: Path) -> Access:
    """Local copies go to a folder of the test's own, not there yet."""
    return Access(scratch=str(tmp_path / "scratch"))


def copies(access: Access) -> list[Path]:
    """Every folder of the scratch folder."""
    return [folder for folder in Path(access.scratch).iterdir() if folder.is_dir()]


@pytest.mark.parametrize("name", ["a.zip", "a.mp4", ".gz", "a b.png", "a::b.zip", "zip::a:b"])
def test_a_plain_local_file_is_itself(name: str, tmp_path: Path, access: Access) -> None:
    file = tmp_path / name
    file.write_bytes(b"plain")
    assert local(str(file), access) == local(f"file://{file}", access) == file
    assert partial(file) == ""
    assert not Path(access.scratch).exists()


def test_a_changed_file_makes_a_new_copy(tmp_path: Path, access: Access) -> None:
    file = tmp_path / "a.gz"
    file.write_bytes(gzip.compress(b"one"))
    first = local(str(file), access)
    before = file.stat()
    file.write_bytes(gzip.compress(b"two"))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns + 1000))
    assert file.stat().st_size == before.st_size, "only the time tells"
    assert (first.read_bytes(), local(str(file), access).read_bytes()) == (b"one", b"two")


def _ask(path: str, access: Access) -> tuple[str, int]:
    copy = local(path, access)
    return str(copy), copy.stat().st_size


def test_processes_that_ask_at_once_share_one_copy(tmp_path: Path, access: Access) -> None:
    file = tmp_path / "a.tar.xz"
    file.write_bytes(lzma.compress(bytes(5_000_000)))
    with multiprocessing.get_context("fork").Pool(4) as pool:
        answers = pool.starmap(_ask, [(str(file), access)] * 8)
        pool.close()
        pool.join()  # which leaving it would do by a signal
    assert len(set(answers)) == 1 and answers[0][1] == 5_000_000
    assert copies(access) == [Path(answers[0][0]).parent]


def test_what_a_dead_process_left_half_made_is_made_anew(tmp_path: Path, access: Access) -> None:
    file = tmp_path / "a.gz"
    file.write_bytes(gzip.compress(b"data"))
    folder = local(str(file), access).parent
    folder.rename(folder.with_suffix(".building"))
    (folder.with_suffix(".building") / "a").write_bytes(b"da")
    assert local(str(file), access).read_bytes() == b"data"
    assert copies(access) == [folder]


def test_a_full_disk_says_which_and_leaves_nothing(
    tmp_path: Path, access: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(source: BinaryIO, compression: str, target: BinaryIO, max_ratio: float) -> str:
        target.write(b"some")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files, "unpack", full)
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"data"))
    with pytest.raises(
        WriteError, match=rf"^{access.scratch}: No space left .* for .*a.gz of 24 bytes, .*\d+ bytes are free"
    ):
        local(str(tmp_path / "a.gz"), access)
    assert copies(access) == []


def test_a_missing_file_is_missing(tmp_path: Path, access: Access) -> None:
    with pytest.raises(FileNotFoundError, match="No such file or directory"):
        local(str(tmp_path / "a.gz"), access)


def test_files_are_fetched_in_order_and_each_fault_is_its_own(tmp_path: Path) -> None:
    for name, data in {"a": b"abc", "b": b"", "c": b"abcd"}.items():
        (tmp_path / name).write_bytes(data)
    asked = [(str(tmp_path / name), 3) for name in "cabx"]
    fetched = list(fetch(asked, Access(max_bytes=3)))
    assert [path for path, _ in fetched] == [path for path, _ in asked]
    assert [str(data) for _, data in fetched] == [
        "too_large: more than 3 bytes",
        "b'abc'",
        "b''",
        "unreadable: No such file or directory",
    ]


@pytest.mark.parametrize("together", [1, 2, 100])
def test_files_are_fetched_whatever_is_held_together(
    together: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "_TOGETHER", together)
    monkeypatch.setattr(files, "_TOGETHER_BYTES", 5 * together)
    asked = [(f"{kind}://{tmp_path}/{size}", size) for kind in ("file", "memory") for size in range(9)]
    for path, size in asked:
        with fsspec.open(path, "wb") as file:
            file.write(bytes(size))
    assert list(fetch(asked, Access())) == [(path, bytes(size)) for path, size in asked]


@pytest.mark.parametrize("grown", [100, 3_000_000])
def test_a_file_that_grew_is_read_whole(grown: int, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(bytes(grown))
    assert list(fetch([(str(tmp_path / "a"), 10)], Access())) == [(str(tmp_path / "a"), bytes(grown))]
    [(_, fault)] = fetch([(str(tmp_path / "a"), 10)], Access(max_bytes=99))
    assert str(fault) == "too_large: more than 99 bytes"


@pytest.mark.parametrize("uri", ["/in/a", "memory://in/a"])
def test_a_file_that_does_not_fit_into_memory_is_set_aside(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **options: object) -> None:
        raise MemoryError

    monkeypatch.setattr(files, "open", refuse, raising=False)
    monkeypatch.setattr("fsspec.implementations.memory.MemoryFileSystem.open", refuse)
    [(_, fault)] = fetch([(uri, 10)], Access())
    assert str(fault) == "bomb: needs more memory than a worker may use to be read"


def test_nothing_asked_is_nothing_fetched() -> None:
    assert list(fetch([], Access())) == []


@pytest.mark.parametrize(
    ("uri", "says"),
    [
        ("nosuch://a", r"source nosuch://a: .*not known"),
        ("gs://bucket", r"gs:// needs a library that is not installed: pip install 'nightsort\[gs\]'"),
        ("az://box", r"az:// needs a library that is not installed: pip install 'nightsort\[az\]'"),
    ],
)
def test_what_cannot_be_opened_says_what_to_do(uri: str, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for library in ("gcsfs", "adlfs"):
        monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(SourceError, match=says):
        filesystem(uri)


def test_what_is_not_there_is_the_users_mistake(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=rf"^source {tmp_path}/none: does not exist; give a folder"):
        existing(f"{tmp_path}/none")
    assert existing(str(tmp_path))[1] == str(tmp_path)


def test_a_stamp_changes_with_the_file(tmp_path: Path) -> None:
    file, fs = tmp_path / "a", fsspec.filesystem("file")
    file.write_bytes(b"abc")
    first = stamp(fs.info(str(file)))
    os.utime(file, ns=(0, file.stat().st_mtime_ns + 1000))
    assert first and stamp(fs.info(str(file))) not in ("", first)
    assert stamp({"name": "a", "size": 3}) == ""
    assert stamp({"ETag": '"0f"', "LastModified": "today"}) == "0f"


@pytest.mark.parametrize(("uri", "path"), [("HTTP://a.b/C.png", "http://a.b/C.png"), ("FILE:///a/B.png", "/a/B.png")])
def test_a_scheme_may_be_written_in_capitals(uri: str, path: str) -> None:
    assert filesystem(uri)[1] == path


@pytest.mark.parametrize("place", ["C:\\pictures", "C:/pictures", "C://pictures", "\\\\server\\share"])
def test_a_path_of_windows_is_no_uri(place: str) -> None:
    fs, path = filesystem(place)
    assert isinstance(fs, LocalFileSystem) and path.startswith(str(Path.cwd()))
    with pytest.raises(SourceError, match=r"does not exist; give a folder"):
        existing(place)


@pytest.mark.parametrize("place", ["{}/a/../b", "{}/./b/", "{}//b", "file://{}/b"])
def test_a_file_has_one_name_however_its_folder_was_written(place: str, tmp_path: Path) -> None:
    assert filesystem(place.format(tmp_path))[1] == str(tmp_path / "b")
