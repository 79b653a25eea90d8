"""What is unchanged is not read again, what is gone is missed, and chunks hold every row."""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightsort.schema import LISTING
from nightsort.sources.arrivals import KNOWN, chunks, gone, known_from, leave_unchanged


def listed(path: str, label: str | None = None, **changes: Any) -> dict[str, Any]:
    row = dict.fromkeys(LISTING.names)
    return {**row, "path": path, "member": "", "size": 5, "stamp": "1", "label": label, **changes}


def known(path: str, sha256: str | None, label: str | None = None, **changes: Any) -> dict[str, Any]:
    row = dict.fromkeys(KNOWN.names)
    return {**row, "path": path, "member": "", "size": 5, "stamp": "1", "label": label, "sha256": sha256, **changes}


def test_known_from_fills_what_a_table_does_not_have() -> None:
    rows = known_from(pa.table({"path": ["p"], "sha256": ["aa"], "extra": [1]}))
    assert rows.schema == KNOWN
    assert rows.to_pylist() == [known("p", "aa", member=None, size=None, stamp=None)]


def unread(*rows: dict[str, Any]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=LISTING)


@pytest.mark.parametrize(
    ("change", "outcome"),
    [({}, "skipped"), ({"size": 6}, None), ({"stamp": "2"}, None), ({"label": "y"}, None), ({"path": "p2"}, None)],
)
def test_a_file_is_read_again_if_anything_about_it_changed(change: dict[str, Any], outcome: str | None) -> None:
    old = pa.Table.from_pylist([known("p1", "aa", "x")], schema=KNOWN)
    [row] = leave_unchanged(unread({**listed("p1", "x"), **change}), old).to_pylist()
    assert (row["outcome"], row["reason"]) == (outcome, outcome and "known")


def test_a_file_whose_store_gives_no_stamp_is_always_read_again() -> None:
    old = pa.Table.from_pylist([known("p1", "aa", stamp="")], schema=KNOWN)
    assert leave_unchanged(unread(listed("p1", stamp="")), old)["outcome"].to_pylist() == [None]


def test_what_is_decided_stays_decided_when_unchanged() -> None:
    old = pa.Table.from_pylist([known("p1", "aa")], schema=KNOWN)
    rows = leave_unchanged(unread(listed("p1", outcome="deferred", reason="still_written")), old)
    assert rows["outcome"].to_pylist() == ["deferred"]


@pytest.mark.parametrize("size", [5, None])
def test_what_the_listing_found_bad_is_set_aside_once(size: int | None) -> None:
    bad = listed("p1", size=size, stamp="", outcome="quarantined", reason="missing_file")
    old = pa.Table.from_pylist([known("p1", None, size=size, stamp="")], schema=KNOWN)
    assert leave_unchanged(unread(bad), old)["reason"].to_pylist() == ["known"]
    assert leave_unchanged(unread({**bad, "path": "p2"}), old)["reason"].to_pylist() == ["missing_file"]


def test_files_of_unknown_size_are_not_taken_for_one_another() -> None:
    old = [known("p1", None, size=None)]
    kept = leave_unchanged(unread(listed("p2", size=None)), pa.Table.from_pylist(old, schema=KNOWN))
    assert kept["outcome"].to_pylist() == [None]


def test_what_is_gone_lay_below_the_root_and_is_not_listed_any_more() -> None:
    places = [("/s/a", ""), ("/s/b", ""), ("/s/z.zip", "m"), ("/s/z.zip", "n"), ("/sibling", ""), ("/other/c", "")]
    before = pa.Table.from_pylist([known(path, path + member, member=member) for path, member in places], schema=KNOWN)
    listing = unread(listed("/s/a"), listed("/s/z.zip", member="n"))
    assert gone(listing, before, "/s").to_pylist() == ["/s/b", "/s/z.zipm"]
    assert gone(listing, before, "/s/z.zip").to_pylist() == ["/s/z.zipm"]


@given(st.lists(st.integers(0, 9), max_size=30), st.integers(1, 12), st.integers(1, 20))
def test_chunks_are_all_rows_in_order_and_bounded(sizes: list[int], most: int, most_bytes: int) -> None:
    rows = pa.table({"size": pa.array(sizes, pa.int64()), "n": pa.array(range(len(sizes)), pa.int64())})
    parts = list(chunks(rows, most, most_bytes))
    assert [n for part in parts for n in part["n"].to_pylist()] == list(range(len(sizes)))
    for part in parts:
        assert 0 < part.num_rows <= most
        assert part.num_rows == 1 or pc.sum(part["size"]).as_py() <= most_bytes
