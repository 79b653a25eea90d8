"""Finding the files of a root that changes meanwhile."""

import shutil
from pathlib import Path

import pytest

from nightsort.errors import StorageError
from nightsort.operations.backup import listing
from nightsort.operations.backup.listing import Found, files
from nightsort.storage import Storage


@pytest.fixture
def grown(storage: Storage) -> Storage:
    """A root with a file of its own and one in each of two folders."""
    for name in ("own", "one/file", "two/file"):
        storage.write_bytes(name, name.encode())
    return storage


def test_every_file_is_found_by_its_name_and_size(grown: Storage) -> None:
    assert {name: found.size for name, found in files(grown).items()} == {"own": 3, "one/file": 8, "two/file": 8}


def test_a_file_that_was_written_anew_has_another_stamp(grown: Storage) -> None:
    before = files(grown)
    grown.write_bytes("own", b"new")
    assert {name for name, found in files(grown).items() if found != before[name]} == {"own"}


def test_links_and_what_is_still_written_are_left_out(grown: Storage) -> None:
    Path(grown.locate("one/link")).symlink_to(grown.locate("own"))
    Path(grown.locate("one/.own.part")).write_text("half")
    assert sorted(files(grown)) == ["one/file", "own", "two/file"]


def test_a_folder_that_goes_meanwhile_is_left_out_and_the_others_are_not(grown: Storage) -> None:
    found = listing._local(grown.root)
    assert next(found)[0] == "own"
    shutil.rmtree(grown.locate("one"))
    assert [name for name, _ in found] == ["two/file"]


def test_a_root_that_is_not_there_has_no_file(storage: Storage) -> None:
    assert files(storage) == {} and files(Storage("memory://nowhere")) == {}


def test_what_cannot_be_listed_is_one_line(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    Path(storage.root).write_text("no folder")
    with pytest.raises(StorageError, match=rf"^{storage.root}: cannot be listed \(Not a directory\); mend its rights$"):
        files(storage)
    away = Storage("memory://away")
    monkeypatch.setattr(Storage, "find", lambda _: (_ for _ in ()).throw(FileNotFoundError()))
    assert files(away) == {}


@pytest.mark.parametrize("tag", ["ETag", "etag", "none"])
def test_a_store_tells_a_file_from_another_by_its_etag(tag: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Storage, "find", lambda _: {"own": {"size": 3, tag: "e1"}})
    assert files(Storage("memory://there")) == {"own": Found(3, "" if tag == "none" else "e1")}
