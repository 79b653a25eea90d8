"""A file of the storage root is there whole or not at all; a root that cannot be written to says so."""

import os
import sys
from pathlib import Path, PureWindowsPath

import fsspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightsort import disk
from nightsort.errors import StorageError, WriteError
from nightsort.storage import Storage
from tests.object_store import ObjectStore


def files(root: str) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in Path(root).rglob("*") if path.is_file())


def test_what_is_written_is_read_again_and_replaced(storage: Storage) -> None:
    storage.write_bytes("a/b/c.json", b"one")
    assert storage.read_bytes("a/b/c.json") == b"one"
    storage.write_bytes("a/b/c.json", b"two")
    assert storage.read_bytes("a/b/c.json") == b"two"
    assert files(storage.root) == ["a/b/c.json"]
    assert storage.exists("a/b/c.json") and storage.exists("a") and not storage.exists("a/x")


@pytest.mark.parametrize("step", ["fsync", "replace", "write"])
def test_a_crash_while_writing_leaves_the_old_file_and_nothing_else(
    step: str, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage.write_bytes("a.json", b"old")

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    if step == "replace":
        monkeypatch.setattr(Path, "replace", crash)
    else:
        monkeypatch.setattr(os, {"fsync": "fsync", "write": "fdopen"}[step], crash)
    with pytest.raises(KeyboardInterrupt):
        storage.write_bytes("a.json", b"new")
    monkeypatch.undo()
    assert storage.read_bytes("a.json") == b"old"
    assert files(storage.root) == ["a.json"]


def test_the_bytes_are_on_disk_before_the_name_is(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    fsync, replace = os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda descriptor: (seen.append("fsync"), fsync(descriptor)))
    monkeypatch.setattr(Path, "replace", lambda self, target: (seen.append("rename"), replace(self, target))[1])
    storage.write_bytes("a.json", b"new")
    assert seen == ["fsync", "rename", "fsync"]  # the bytes, the rename, then the folder that holds the name


def test_a_full_disk_is_a_write_error_that_names_the_place(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    storage.write_bytes("a.json", b"old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(WriteError, match=r"a\.json: could not be written \(No space left on device\)"):
        storage.write_bytes("a.json", b"new")
    assert storage.read_bytes("a.json") == b"old" and files(storage.root) == ["a.json"]


def test_a_file_that_is_not_there_is_file_not_found(storage: Storage) -> None:
    with pytest.raises(FileNotFoundError):
        storage.read_bytes("a.json")


def test_names_are_sorted_and_those_of_one_folder(storage: Storage) -> None:
    for name in ("r/b/x", "r/a/x", "r/c", "other"):
        storage.write_bytes(name, b"")
    assert storage.names("r") == ["a", "b", "c"]
    assert storage.names("nowhere") == []


def test_prepare_makes_the_root_and_leaves_it_empty(storage: Storage) -> None:
    storage.prepare()
    storage.prepare()
    assert Path(storage.root).is_dir() and os.listdir(storage.root) == []  # noqa: PTH208 (hidden files too)


def test_a_root_below_a_file_is_one_line_and_nothing_is_left(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"mine")
    with pytest.raises(StorageError) as caught:
        Storage(str(tmp_path / "file" / "root")).prepare()
    assert len(caught.value.lines) == 1
    assert str(tmp_path / "file" / "root") in str(caught.value) and "--storage" in str(caught.value)
    assert files(str(tmp_path)) == ["file"] and (tmp_path / "file").read_bytes() == b"mine"


def test_a_root_that_is_read_only_is_one_line(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(disk.tempfile, "mkstemp", refuse)
    with pytest.raises(StorageError, match="Permission denied"):
        storage.prepare()


@pytest.mark.parametrize("root", ["nosuch://bucket", "nosuch://bucket/below"])
def test_an_unknown_protocol_is_one_line(root: str) -> None:
    with pytest.raises(StorageError) as caught:
        Storage(root).prepare()
    assert len(caught.value.lines) == 1 and root in str(caught.value)


@pytest.mark.parametrize(("scheme", "library"), [("gs", "gcsfs"), ("az", "adlfs")])
def test_a_library_that_is_missing_is_named_by_its_extra(
    scheme: str, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(StorageError, match=rf"^storage '{scheme}://box/a': .*pip install 'nightsort\[{scheme}\]'$"):
        Storage(f"{scheme}://box/a")


@pytest.mark.parametrize("root", ["memory://", "memory://root", "memory://deep/root/"])
def test_another_filesystem_than_the_local_one_works(root: str) -> None:
    storage = Storage(root)
    fsspec.filesystem("memory").store.clear()
    storage.prepare()
    assert not storage.is_local
    storage.write_bytes("models/1/bundle.json", b"one")
    storage.write_bytes("models/2/bundle.json", b"two")
    assert storage.read_bytes("models/2/bundle.json") == b"two"
    assert storage.names("models") == ["1", "2"] and storage.names("nowhere") == []
    assert storage.exists("models/1/bundle.json") and not storage.exists("models/3")
    assert Storage(root.rstrip("/") if root != "memory://" else root).read_bytes("models/1/bundle.json") == b"one"
    assert len(fsspec.filesystem("memory").store) == 2  # nothing is left of the probe


def test_a_relative_root_is_taken_from_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    storage = Storage("data")
    monkeypatch.chdir("/")
    assert storage.root == str(tmp_path / "data") and storage.locate("a/b") == str(tmp_path / "data/a/b")


@pytest.mark.parametrize(
    ("root", "place"),
    [
        ("/srv/x", "/srv/x/a/b"),
        ("/", "/a/b"),
        ("file:///srv/x", "/srv/x/a/b"),
        ("memory://b", "memory://b/a/b"),
        ("memory://b/", "memory://b/a/b"),
        ("memory://", "memory://a/b"),
    ],
)
def test_places_are_below_the_root(root: str, place: str) -> None:
    assert Storage(root).locate("a/b") == place


@given(st.binary(max_size=2000))
def test_any_bytes_come_back(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    storage = Storage(str(tmp_path_factory.mktemp("root")))
    storage.write_bytes("x", data)
    assert storage.read_bytes("x") == data


@pytest.mark.parametrize("root", ["nothing://x", "~nobody-of-that-name/x", "simplecache::file:///srv/x", "a\0b"])
def test_a_root_that_cannot_be_is_one_line(root: str) -> None:
    with pytest.raises(StorageError, match="storage") as caught:
        Storage(root)
    assert len(str(caught.value).splitlines()) == 1


def test_a_folder_is_removed_with_all_in_it_and_once_is_enough(storage: Storage) -> None:
    for root in (storage, Storage("memory://removal")):
        root.write_bytes("a/b/one", b"1")
        root.write_bytes("a/two", b"2")
        root.remove("a/b")
        root.remove("a/b")
        root.remove("nothing")
        assert root.names("a") == ["two"]
        root.remove("a/two")
        assert not root.exists("a/two")


def test_what_is_created_is_there_whole_once_and_alone(storage: Storage) -> None:
    storage.create_bytes("a/1.json", b"one")
    with pytest.raises(FileExistsError, match=r"a/1\.json"):
        storage.create_bytes("a/1.json", b"two")
    assert storage.read_bytes("a/1.json") == b"one" and storage.size("a/1.json") == 3
    assert files(storage.root) == ["a/1.json"]


def test_in_an_object_store_as_well(object_store: ObjectStore) -> None:
    here, there = (Storage(f"s3://{object_store.bucket}/root") for _ in range(2))
    assert here.names("a") == []
    there.create_bytes("a/1.json", b"one")
    assert here.names("a") == ["1.json"], "a listing is never an old one"
    with pytest.raises(FileExistsError, match=r"a/1\.json"):
        here.create_bytes("a/1.json", b"two")
    assert here.read_bytes("a/1.json") == b"one" and here.size("a/1.json") == 3


def test_a_bucket_has_one_name() -> None:
    assert Storage("s3a://bucket/root").root == Storage("s3://bucket/root").root == "s3://bucket/root"


def test_a_crash_while_creating_leaves_nothing(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(WriteError, match=r"1\.json: could not be written \(No space left on device\)"):
        storage.create_bytes("1.json", b"one")
    monkeypatch.undo()
    assert files(storage.root) == []
    storage.create_bytes("1.json", b"one")


@pytest.mark.parametrize("place", ["C:\\data", "C:/data", "C://data", "\\\\server\\share", "a:b/c", "c:data", "data"])
def test_the_letter_of_a_drive_is_no_scheme(place: str) -> None:
    assert not disk.is_uri(place)
    assert disk.absolute(place) == (Path.cwd() / place).resolve().as_posix()  # a folder of this name, here


@pytest.mark.parametrize("place", ["s3://bucket/data", "gs://bucket", "abfs://box@account.dfs.core.windows.net/data"])
def test_a_place_in_a_store_stays_as_it_is(place: str) -> None:
    assert disk.is_uri(place) and disk.absolute(place) == place


@pytest.mark.parametrize(
    ("uri", "here", "on_windows"),
    [
        ("file:///data/x", "/data/x", "/data/x"),
        ("file:///C:/data/x", "/C:/data/x", "C:/data/x"),
        ("file://server/share", "server/share", "//server/share"),
        ("C:\\data", "C:\\data", "C:\\data"),
    ],
)
def test_a_file_uri_names_a_path(uri: str, here: str, on_windows: str) -> None:
    assert disk.without_scheme(uri, windows=False) == here
    assert disk.without_scheme(uri, windows=True) == on_windows
    assert PureWindowsPath(on_windows).is_absolute() or uri == "file:///data/x"


def test_a_root_with_two_dots_is_the_folder_that_it_leads_to(tmp_path: Path) -> None:
    assert Storage(f"{tmp_path}/a/../b").root == str(tmp_path / "b")
    assert Storage(f"file://{tmp_path}/a/../b").root == str(tmp_path / "b")
