"""What is remembered of a place is found, however it is streamed, and nothing else is taken for it."""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightsort.schema import FINGERPRINTS, LISTING
from nightsort.sources import places
from nightsort.sources.places import Places

FILE = {
    "path": st.sampled_from(["a", "ab", "b", "c.zip"]),
    "member": st.sampled_from(["", "b", "m"]),
    "size": st.sampled_from([None, 1, 11]),
    "stamp": st.sampled_from(["", "1", "11"]),
}
LISTED = st.lists(st.fixed_dictionaries(FILE), min_size=1, max_size=6)
REMEMBERED = st.lists(
    st.fixed_dictionaries({**FILE, "sha256": st.sampled_from([None, "x", "y"]), "counts": st.booleans()}), max_size=8
)
SCHEMA = pa.schema(
    [*(LISTING.field(name) for name in FILE), ("sha256", pa.string()), ("counts", pa.bool_()), ("when", pa.int64())]
)


def state(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in FILE)


@given(LISTED, REMEMBERED, st.integers(1, 8), st.booleans())
def test_each_row_is_told_what_is_remembered_of_its_place(
    listed: list[dict[str, Any]], remembered: list[dict[str, Any]], batch: int, few: bool
) -> None:
    table = pa.Table.from_pylist([{**row, "when": i} for i, row in enumerate(remembered)], schema=SCHEMA)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(places, "_GATHERED", 3)
        patch.setattr(places, "_FEW", 10 if few else 0)
        slice_ = Places(pa.Table.from_pylist(listed, schema=LISTING))
        near = table.filter(slice_.near())
        slice_.look(near.to_batches(max_chunksize=batch), "when", lambda rows: rows["counts"])
        found = slice_.decided()
    assert found.schema == FINGERPRINTS
    assert [state(row) for row in found.to_pylist()] == [state(row) for row in listed], "in their order"
    for row in found.to_pylist():
        here = [old for old in remembered if state(old)[:2] == state(row)[:2]]
        same = [old for old in here if state(old) == state(row) and old["counts"]]
        assert row["outcome"] == ("skipped" if same and row["stamp"] else None)
        hashes = [old["sha256"] for old in here if old["sha256"]]
        assert row["last_sha256"] == (hashes[-1] if hashes else None)


@pytest.mark.parametrize("few", [0, 100])
def test_rows_of_other_places_are_left_to_lie(monkeypatch: pytest.MonkeyPatch, few: int) -> None:
    monkeypatch.setattr(places, "_FEW", few)
    rows = [{"path": f"p{i:03}", "member": "", "size": 1, "stamp": "1"} for i in range(100)]
    table = pa.Table.from_pylist(rows, schema=LISTING)
    near = table.filter(Places(table.slice(40, 10)).near())
    assert near["path"].to_pylist() == [f"p{i:03}" for i in range(40, 50)]


def test_what_is_asked_of_a_row_is_asked_only_of_those_that_lie_there() -> None:
    listed = pa.Table.from_pylist([{"path": "a", "member": "m", "size": 1, "stamp": "1"}], schema=LISTING)
    rows = [{"path": "a", "member": member, "size": 1, "stamp": "1", "sha256": member, "when": 1} for member in "lmn"]
    asked: list[str] = []

    def note(found: pa.Table) -> pa.ChunkedArray:
        asked.extend(found["sha256"].to_pylist())
        return pc.is_valid(found["path"])

    slice_ = Places(listed)
    slice_.look(pa.Table.from_pylist(rows, schema=SCHEMA).to_batches(), "when", note)
    assert asked == ["m"] and slice_.decided()["outcome"].to_pylist() == ["skipped"]
