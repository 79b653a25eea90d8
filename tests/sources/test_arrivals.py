"""What is new is decided once for each picture: nothing lost, nothing twice, nothing that is known."""

from collections import Counter
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nightsort.schema import FINGERPRINTS, LISTING, OTHER_REASONS, REASONS
from nightsort.sources.arrivals import KNOWN, chunks, decide, gone, known_from, leave_unchanged
from nightsort.tally import Tally

BYTES = ["aa", "bb", "cc"]
PLACES = ["p1", "p2", "p3", "z.zip"]


def fingerprint(path: str, sha256: str | None, label: str | None = None, **changes: Any) -> dict[str, Any]:
    row = dict.fromkeys(FINGERPRINTS.names)
    return {**row, "path": path, "member": "", "size": 5, "stamp": "1", "label": label, "sha256": sha256, **changes}


def known(path: str, sha256: str | None, label: str | None = None, **changes: Any) -> dict[str, Any]:
    row = dict.fromkeys(KNOWN.names)
    return {**row, "path": path, "member": "", "size": 5, "stamp": "1", "label": label, "sha256": sha256, **changes}


def decided(new: list[dict[str, Any]], old: list[dict[str, Any]] = []) -> list[dict[str, Any]]:  # noqa: B006
    table = decide(pa.Table.from_pylist(new, schema=FINGERPRINTS), pa.Table.from_pylist(old, schema=KNOWN))
    assert table.schema == FINGERPRINTS
    return table.to_pylist()


def outcomes(rows: list[dict[str, Any]]) -> dict[str, str | None]:
    return {row["path"] + row["member"]: row["outcome"] for row in rows}


@st.composite
def listings(draw: st.DrawFn) -> list[dict[str, Any]]:
    places = st.tuples(st.sampled_from(PLACES), st.sampled_from(["", "m1", "m2"]))
    rows = []
    for path, member in draw(st.lists(places, unique=True, max_size=10)):
        settled = draw(st.sampled_from([None, None, None, "deferred", "skipped", "quarantined"]))
        row = fingerprint(
            path, None if settled else draw(st.sampled_from(BYTES)), draw(st.sampled_from([None, "x", "y"]))
        )
        given_ = {"member": member, "outcome": settled, "reason": settled and "bad_archive", "detail": settled and ""}
        rows.append({**row, **given_})
    return rows


KNOWNS = st.lists(
    st.builds(
        known,
        st.sampled_from(PLACES),
        st.sampled_from([None, *BYTES]),
        st.sampled_from([None, "x", "y"]),
        member=st.sampled_from(["", "m1", "m2"]),
    ),
    max_size=6,
)


@settings(deadline=None)
@given(listings(), KNOWNS)
def test_every_row_comes_out_once_and_what_is_left_is_new_and_there_once(
    new: list[dict[str, Any]], old: list[dict[str, Any]]
) -> None:
    rows = decided(new, old)
    place = [(row["path"], row["member"], row["sha256"], row["label"], row["size"]) for row in rows]
    assert Counter(place) == Counter((r["path"], r["member"], r["sha256"], r["label"], r["size"]) for r in new)
    todo = [row["sha256"] for row in rows if row["outcome"] is None]
    assert len(todo) == len(set(todo))
    assert not set(todo) & {row["sha256"] for row in old}
    # Nothing new is lost either: bytes that nobody knows are worked on, whatever else is true of them.
    fresh = {row["sha256"] for row in new if row["outcome"] is None} - {row["sha256"] for row in old}
    assert fresh <= set(todo)


@given(listings(), KNOWNS)
def test_decided_rows_balance_and_say_why(new: list[dict[str, Any]], old: list[dict[str, Any]]) -> None:
    rows = decided(new, old)
    counts = Counter(row["outcome"] or "done" for row in rows)
    Tally(discovered=len(new), **counts).check()
    for row in rows:
        assert (row["outcome"] is None) == (row["reason"] is None) == (row["detail"] is None)
        assert row["reason"] in {None, *OTHER_REASONS, *REASONS}
    before = {(row["path"], row["member"]): row["outcome"] for row in new}
    for row in rows:  # what was settled before stays as it was, unless it is the very same bad file again
        was = before[row["path"], row["member"]]
        assert was is None or row["outcome"] == was or (was, row["outcome"]) == ("quarantined", "skipped")


@given(listings())
def test_deciding_again_after_everything_was_done_leaves_nothing(new: list[dict[str, Any]]) -> None:
    first = decide(pa.Table.from_pylist(new, schema=FINGERPRINTS), KNOWN.empty_table())
    done = known_from(first.filter(pc.is_null(first["outcome"])))
    again = decide(pa.Table.from_pylist(new, schema=FINGERPRINTS), done)
    assert not any(row["outcome"] is None for row in again.to_pylist())
    assert Counter(again["outcome"].to_pylist())["skipped"] >= done.num_rows


@given(listings(), st.randoms(use_true_random=False))
def test_the_order_of_the_listing_does_not_matter(new: list[dict[str, Any]], shuffle: Any) -> None:
    shuffled = shuffle.sample(new, len(new))
    assert decided(shuffled) == decided(new)


def test_the_same_file_with_the_same_bytes_is_skipped() -> None:
    [row] = decided([fingerprint("p1", "aa", "x")], [known("p1", "aa", "x")])
    assert (row["outcome"], row["reason"]) == ("skipped", "known")


def test_the_same_file_with_other_bytes_is_new() -> None:
    assert outcomes(decided([fingerprint("p1", "bb")], [known("p1", "aa")])) == {"p1": None}


def test_other_files_with_known_bytes_are_duplicates() -> None:
    [row] = decided([fingerprint("p2", "aa", "x")], [known("p1", "aa", "x")])
    assert (row["outcome"], row["reason"]) == ("duplicate", "same_bytes")


def test_of_equal_bytes_in_one_listing_the_first_is_worked_on() -> None:
    rows = decided([fingerprint(path, "aa") for path in ("p3", "p1", "p2")])
    assert outcomes(rows) == {"p1": None, "p2": "duplicate", "p3": "duplicate"}


def test_equal_members_of_two_archives_are_one_picture() -> None:
    rows = decided([fingerprint("a.zip", "aa", member="m"), fingerprint("b.zip", "aa", member="m")])
    assert outcomes(rows) == {"a.zipm": None, "b.zipm": "duplicate"}


def test_a_file_that_could_not_be_read_is_known_by_its_size() -> None:
    bad = {"outcome": "quarantined", "reason": "too_large", "detail": "d"}
    old = [known("p1", None, size=5)]
    assert outcomes(decided([fingerprint("p1", None, **bad)], old)) == {"p1": "skipped"}
    assert outcomes(decided([fingerprint("p1", None, **bad, size=6)], old)) == {"p1": "quarantined"}
    assert outcomes(decided([fingerprint("p2", None, **bad)], old)) == {"p2": "quarantined"}


def test_a_path_and_a_member_are_not_confused() -> None:
    rows = decided([fingerprint("a", "aa", member="bc")], [known("ab", "aa", member="c")])
    assert rows[0]["outcome"] == "duplicate"  # and not skipped as the very same file


def test_known_from_fills_what_a_table_does_not_have() -> None:
    rows = known_from(pa.table({"path": ["p"], "sha256": ["aa"], "extra": [1]}))
    assert rows.schema == KNOWN
    assert rows.to_pylist() == [known("p", "aa", member=None, size=None, stamp=None)]


def unread(*rows: dict[str, Any]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=FINGERPRINTS).select(LISTING.names)


@pytest.mark.parametrize(
    ("change", "outcome"),
    [({}, "skipped"), ({"size": 6}, None), ({"stamp": "2"}, None), ({"label": "y"}, None), ({"path": "p2"}, None)],
)
def test_a_file_is_read_again_if_anything_about_it_changed(change: dict[str, Any], outcome: str | None) -> None:
    old = pa.Table.from_pylist([known("p1", "aa", "x")], schema=KNOWN)
    [row] = leave_unchanged(unread({**fingerprint("p1", None, "x"), **change}), old).to_pylist()
    assert (row["outcome"], row["reason"]) == (outcome, outcome and "known")


def test_a_file_whose_store_gives_no_stamp_is_always_read_again() -> None:
    old = pa.Table.from_pylist([known("p1", "aa", stamp="")], schema=KNOWN)
    assert leave_unchanged(unread(fingerprint("p1", None, stamp="")), old)["outcome"].to_pylist() == [None]


def test_what_is_decided_stays_decided_when_unchanged() -> None:
    old = pa.Table.from_pylist([known("p1", "aa")], schema=KNOWN)
    rows = leave_unchanged(unread(fingerprint("p1", None, outcome="deferred", reason="still_written")), old)
    assert rows["outcome"].to_pylist() == ["deferred"]


@pytest.mark.parametrize("size", [5, None])
def test_what_the_listing_found_bad_is_set_aside_once(size: int | None) -> None:
    bad = fingerprint("p1", None, size=size, stamp="", outcome="quarantined", reason="missing_file")
    old = pa.Table.from_pylist([known("p1", None, size=size, stamp="")], schema=KNOWN)
    assert leave_unchanged(unread(bad), old)["reason"].to_pylist() == ["known"]
    assert leave_unchanged(unread({**bad, "path": "p2"}), old)["reason"].to_pylist() == ["missing_file"]


def test_files_of_unknown_size_are_not_taken_for_one_another() -> None:
    old = [known("p1", None, size=None)]
    kept = leave_unchanged(unread(fingerprint("p2", None, size=None)), pa.Table.from_pylist(old, schema=KNOWN))
    assert kept["outcome"].to_pylist() == [None]
    bad = fingerprint("p2", None, size=None, outcome="quarantined", reason="bad_archive")
    assert [row["reason"] for row in decided([bad], old)] == ["bad_archive"]


def test_what_is_gone_lay_below_the_root_and_is_not_listed_any_more() -> None:
    places = [("/s/a", ""), ("/s/b", ""), ("/s/z.zip", "m"), ("/s/z.zip", "n"), ("/sibling", ""), ("/other/c", "")]
    before = pa.Table.from_pylist([known(path, path + member, member=member) for path, member in places], schema=KNOWN)
    listing = unread(fingerprint("/s/a", None), fingerprint("/s/z.zip", None, member="n"))
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
