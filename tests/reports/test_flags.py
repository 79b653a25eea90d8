"""Flags are counted in full, and each gets its share of the pictures shown."""

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from nightsort.reports.flags import flagged, flags
from nightsort.reports.shown import MAX_THUMBNAILS

SCHEMA = pa.schema(
    [*((name, pa.string()) for name in ("sha256", "path", "member", "label")), ("flags", pa.list_(pa.string()))]
)


def table(flagging: list[list[str] | None]) -> pa.Table:
    """One picture a list of flags, in two chunks."""
    rows = [
        {"sha256": f"{i:03d}", "path": f"/in/{i:03d}.png", "member": "", "label": "a", "flags": carried}
        for i, carried in enumerate(flagging)
    ]
    half = len(rows) // 2
    return pa.concat_tables([pa.Table.from_pylist(part, SCHEMA) for part in (rows[:half], rows[half:])])


@pytest.fixture
def dataset(shelf: Callable[..., Any], picture: Callable[..., bytes]) -> Any:
    """A dataset with the first of the pictures."""
    return shelf({"000": picture(0)})


def test_every_flag_is_counted_the_most_frequent_first() -> None:
    counted = flags(table([["dark"], ["dark", "blurred"], None, [], ["blurred"], ["small"], ["blurred"]]))
    assert list(counted.items()) == [("blurred", 3), ("dark", 2), ("small", 1)]


def test_pictures_stand_with_the_flag_that_they_carry(dataset: Any) -> None:
    shown = flagged(dataset, table([["dark"], ["dark", "blurred"], None, [], ["blurred"], ["small"], ["blurred"]]))
    found = [(item.note, item.path[4:7]) for item in shown]
    assert found == [
        *(("blurred", name) for name in ("001", "004", "006")),
        *(("dark", name) for name in ("000", "001")),
        ("small", "005"),
    ]
    assert [bool(item.image) for item in shown] == [name == "000" for _, name in found]


def test_a_frequent_flag_leaves_room_for_a_rare_one(dataset: Any) -> None:
    shown = flagged(dataset, table([["dark"]] * 500 + [["small"]] * 2))
    assert [item.note for item in shown] == ["dark"] * (MAX_THUMBNAILS // 2) + ["small"] * 2
    assert (shown[0].path, shown[MAX_THUMBNAILS // 2 - 1].path) == ("/in/000.png", "/in/499.png")


def test_very_many_flags_are_bounded(dataset: Any) -> None:
    assert len(flagged(dataset, table([[f"rule {i}"] for i in range(200)]))) == MAX_THUMBNAILS


def test_nothing_flagged_nothing_shown(dataset: Any) -> None:
    assert flags(table([None, []])) == {} and flagged(dataset, table([None, []])) == []
