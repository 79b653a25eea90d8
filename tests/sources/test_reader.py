"""Every row that goes in comes out once, matched by name, with its bytes or with what was wrong."""

import random
import tracemalloc
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import fsspec
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nightsort.errors import PictureError
from nightsort.schema import LISTING
from nightsort.sources.containers import entries
from nightsort.sources.files import Access
from nightsort.sources.reader import read

CAP = 1000
ACCESS = Access(max_bytes=CAP)
Key = tuple[str, str]
Pack = Callable[..., Path]


def key(row: dict[str, str]) -> Key:
    """Where a row's picture lies."""
    return row["path"], row["member"]


def reason(found: bytes | PictureError) -> str:
    """Why there are no bytes."""
    assert isinstance(found, PictureError) and found.detail
    return found.reason


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory, pack: Pack) -> dict[Key, tuple[int | None, bytes]]:
    """A mixed source, some of it remote: (path, member) -> offset and the bytes there."""
    root = tmp_path_factory.mktemp("source")
    true: dict[Key, tuple[int | None, bytes]] = {}
    memory = fsspec.filesystem("memory")
    for i in range(4):
        (root / f"{i}[1]*.jpg").write_bytes(b"file %d" % i)
        true[str(root / f"{i}[1]*.jpg"), ""] = None, b"file %d" % i
        memory.pipe(f"/reader/{i}[1]*.jpg", b"far %d" % i)
        true[f"memory://reader/{i}[1]*.jpg", ""] = None, b"far %d" % i
    for kind in ("a.zip", "b.tar", "c.tar.gz"):
        data = {f"m/{i}.jpg": f"{kind} {i}".encode() for i in range(4)}
        file = str(pack(root / kind, list(data.items())))
        true |= {(file, entry.name): (entry.offset, data[entry.name]) for entry in entries(file, ACCESS)}
    return true


def listing(keys: list[Key], offsets: dict[Key, int | None] | None = None, size: int = 1) -> pa.Table:
    """Rows to be read; without offsets, as of a table that keeps none."""
    rows = [{"path": at[0], "member": at[1], "offset": (offsets or {}).get(at), "size": size} for at in keys]
    return pa.Table.from_pylist(rows, schema=LISTING)


@settings(deadline=None)  # the first run unpacks
@given(st.randoms(use_true_random=False), st.integers(0, 20), st.booleans())
def test_rows_in_any_order_get_their_own_bytes(
    source: dict[Key, tuple[int | None, bytes]], shuffle: random.Random, count: int, knows_offsets: bool
) -> None:
    keys = shuffle.sample(sorted(source), count)
    offsets = {at: offset for at, (offset, _) in source.items()} if knows_offsets else {}
    pairs = list(read(listing(keys, offsets), ACCESS))
    assert Counter(key(row) for row, _ in pairs) == Counter(keys)
    assert all(data == source[key(row)][1] for row, data in pairs)


def test_a_row_that_is_there_twice_comes_out_twice(source: dict[Key, tuple[int | None, bytes]]) -> None:
    keys = sorted(source) * 2
    assert Counter(key(row) for row, _ in read(listing(keys), ACCESS)) == Counter(keys)


def test_columns_that_only_a_listing_has_are_not_needed(source: dict[Key, tuple[int | None, bytes]]) -> None:
    table = listing(sorted(source)).select(["path", "member"])
    assert {key(row): data for row, data in read(table, ACCESS)} == {at: data for at, (_, data) in source.items()}


def test_what_is_not_there_is_unreadable_by_name_and_the_rest_is_read(
    source: dict[Key, tuple[int | None, bytes]],
) -> None:
    zipped = next(path for path, _ in source if path.endswith(".zip"))
    missing = [("/nowhere/x.jpg", ""), ("/nowhere/y.zip", "m"), (zipped, "m/nowhere.jpg"), ("memory://reader/no", "")]
    keys = [missing[0], *sorted(source)[::-1], *missing[1:]]
    found = [(key(row), data) for row, data in read(listing(keys), ACCESS)]
    assert sorted(at for at, _ in found) == sorted(keys)
    by_name = dict(found)
    assert {at: by_name[at] for at in source} == {at: data for at, (_, data) in source.items()}
    assert [reason(by_name[at]) for at in missing] == ["unreadable"] * 4


def test_files_that_vanished_or_became_folders_are_unreadable_and_the_rest_is_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a")
    (tmp_path / "b").mkdir()
    keys = [(str(tmp_path / name), "") for name in "abc"]
    found = {Path(row["path"]).name: data for row, data in read(listing(keys), ACCESS)}
    assert found.pop("a") == b"a"
    assert [reason(data) for data in found.values()] == ["unreadable"] * 2


@pytest.mark.parametrize("kind", ["a.zip", "a.tar", "a.tar.gz"])
def test_an_archive_that_vanished_makes_every_member_unreadable(kind: str, tmp_path: Path, pack: Pack) -> None:
    file = pack(tmp_path / kind, [("1", b"1"), ("2", b"2")])
    rows = listing(
        [(str(file), "1"), (str(file), "2")],
        {(str(file), entry.name): entry.offset for entry in entries(str(file), ACCESS)},
    )
    file.unlink()
    assert [reason(data) for _, data in read(rows, ACCESS)] == ["unreadable"] * 2


def test_a_damaged_archive_is_that_and_gives_what_can_be_read(tmp_path: Path, pack: Pack) -> None:
    file = pack(tmp_path / "a.tar", [("1", b"x" * 600), ("2", b"2")])
    file.write_bytes(file.read_bytes()[:1700])
    (tmp_path / "b.tar.gz").write_bytes(b"no gzip")
    keys = [(str(file), "1"), (str(file), "2"), (str(tmp_path / "b.tar.gz"), "1")]
    found = {key(row): data for row, data in read(listing(keys), ACCESS)}
    assert found.pop(keys[0]) == b"x" * 600
    assert [reason(data) for data in found.values()] == ["bad_archive", "bad_archive"]


def test_the_cap_holds_whatever_size_was_listed(tmp_path: Path) -> None:
    (tmp_path / "exact").write_bytes(bytes(CAP))
    (tmp_path / "over").write_bytes(bytes(CAP + 1))
    rows = listing([(str(tmp_path / "exact"), ""), (str(tmp_path / "over"), "")])
    found = {Path(row["path"]).name: data for row, data in read(rows, ACCESS)}
    assert (found["exact"], reason(found["over"])) == (bytes(CAP), "too_large")
    assert [reason(data) for _, data in read(listing([("/nowhere", "")], size=CAP + 1), ACCESS)] == ["too_large"]


def test_no_more_than_the_cap_is_read_of_a_huge_file(tmp_path: Path) -> None:
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(100_000_000)
    tracemalloc.start()
    [(_, found)] = read(listing([(str(tmp_path / "huge"), "")]), ACCESS)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert reason(found) == "too_large"
    assert peak < 10_000_000


def test_an_empty_file_holds_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"")
    assert [data for _, data in read(listing([(str(tmp_path / "a.jpg"), "")]), ACCESS)] == [b""]


def test_no_rows_give_no_rows() -> None:
    assert list(read(LISTING.empty_table(), ACCESS)) == []


def test_one_archive_is_read_by_many_at_once_at_random(tmp_path: Path, pack: Pack) -> None:
    true = {f"{i}.jpg": b"%d" % i for i in range(200)}
    file = str(pack(tmp_path / "a.tar.zst", list(true.items())))
    access = Access(scratch=str(tmp_path / "scratch"))
    offsets: dict[Key, int | None] = {(file, entry.name): entry.offset for entry in entries(file, access)}
    parts = [listing([*offsets][part::7], offsets) for part in range(7)]
    with ThreadPoolExecutor(4) as threads:
        found = [pair for pairs in threads.map(lambda part: list(read(part, access)), parts) for pair in pairs]
    assert len(found) == len(true) and {row["member"]: data for row, data in found} == true
