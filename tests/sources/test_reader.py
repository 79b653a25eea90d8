"""Every row that goes in comes out once, matched by name, with its bytes or with what was wrong."""

import hashlib
import random
import tracemalloc
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightsort.errors import PictureError
from nightsort.schema import FINGERPRINTS, LISTING
from nightsort.sources.listing import list_source
from nightsort.sources.reader import fingerprint, read

CAP = 1000


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def key(row: dict[str, object]) -> tuple[object, object]:
    return row["path"], row["member"]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory, pack: Callable[..., Path]) -> dict[tuple[str, str], bytes]:
    """A mixed source on disk: (path, member) -> the bytes there."""
    root = tmp_path_factory.mktemp("source")
    true: dict[tuple[str, str], bytes] = {}
    for i in range(4):
        (root / f"{i}.jpg").write_bytes(b"file %d" % i)
        true[str(root / f"{i}.jpg"), ""] = b"file %d" % i
    for kind in ("a.zip", "b.tar", "c.tar.gz"):
        entries = [(f"m/{i}.jpg", f"{kind} {i}".encode()) for i in range(4)]
        file = pack(root / kind, entries)
        true |= {(str(file), name): data for name, data in entries}
    return true


def listing(keys: list[tuple[str, str]]) -> pa.Table:
    rows = [{"path": path, "member": member, "size": 1, "modified": 0.0} for path, member in keys]
    return pa.Table.from_pylist(rows, schema=LISTING)


@given(st.randoms(use_true_random=False), st.integers(0, 16))
def test_rows_in_any_order_get_their_own_bytes(
    source: dict[tuple[str, str], bytes], shuffle: random.Random, count: int
) -> None:
    keys = shuffle.sample(sorted(source), count)
    pairs = list(read(listing(keys), CAP))
    assert Counter(key(row) for row, _ in pairs) == Counter(keys)
    assert all(data == source[key(row)] for row, data in pairs)


def test_fingerprint_is_row_in_row_out_by_name(source: dict[tuple[str, str], bytes]) -> None:
    zipped = next(path for path, _ in source if path.endswith(".zip"))
    missing = [("/nowhere/x.jpg", ""), ("/nowhere/y.zip", "m"), (zipped, "m/nowhere.jpg")]
    keys = [missing[0], *sorted(source)[::-1], *missing[1:]]
    out = fingerprint(listing(keys), CAP)
    assert out.schema == FINGERPRINTS
    found = {key(row): row for row in out.to_pylist()}
    assert out.num_rows == len(keys) and found.keys() == set(keys)
    for at, data in source.items():
        assert found[at]["sha256"] == sha(data) and found[at]["outcome"] is None
    for at in missing:
        row = found[at]
        assert (row["sha256"], row["outcome"], row["reason"]) == (None, "quarantined", "unreadable") and row["detail"]


def test_a_file_that_vanished_after_listing_is_unreadable_and_the_rest_is_read(tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / name).write_bytes(name.encode())
    listed = list_source(str(tmp_path))
    (tmp_path / "b").unlink()
    found = {Path(row["path"]).name: data for row, data in read(listed, CAP)}
    assert (found["a"], found["c"]) == (b"a", b"c")
    assert isinstance(found["b"], PictureError) and found["b"].reason == "unreadable"


def test_a_file_that_became_a_folder_is_unreadable(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    [(_, found)] = read(listing([(str(tmp_path / "a"), "")]), CAP)
    assert isinstance(found, PictureError) and found.reason == "unreadable"


def test_an_archive_that_vanished_makes_every_member_unreadable(tmp_path: Path, pack: Callable[..., Path]) -> None:
    archive = pack(tmp_path / "a.tar", [("1", b"1"), ("2", b"2")])
    listed = list_source(str(archive))
    archive.unlink()
    assert [data.reason for _, data in read(listed, CAP) if isinstance(data, PictureError)] == ["unreadable"] * 2


def test_the_cap_holds_for_files_whatever_size_was_listed(tmp_path: Path) -> None:
    (tmp_path / "exact").write_bytes(bytes(CAP))
    (tmp_path / "over").write_bytes(bytes(CAP + 1))
    found = {Path(row["path"]).name: data for row, data in read(list_source(str(tmp_path)), CAP)}
    assert found["exact"] == bytes(CAP)
    assert isinstance(found["over"], PictureError) and found["over"].reason == "too_large"


def test_no_more_than_the_cap_is_read_of_a_huge_file(tmp_path: Path) -> None:
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(100_000_000)
    tracemalloc.start()
    [(_, found)] = read(listing([(str(tmp_path / "huge"), "")]), CAP)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert isinstance(found, PictureError) and found.reason == "too_large"
    assert peak < 10_000_000


def test_an_empty_file_has_the_fingerprint_of_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"")
    assert fingerprint(list_source(str(tmp_path)), CAP)["sha256"].to_pylist() == [sha(b"")]


def test_no_rows_give_no_rows() -> None:
    out = fingerprint(LISTING.empty_table(), CAP)
    assert out.num_rows == 0 and out.schema == FINGERPRINTS
