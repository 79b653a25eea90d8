"""Contact sheets: the smallest classes first, drawn at random and yet always the same."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from nightsort.reports.data import MAX_SHEET, MAX_SHEETS
from nightsort.reports.sheets import sheets


def table(counts: dict[str, int]) -> pa.Table:
    """Rows of so many pictures of each class, in no helpful order."""
    rows = [{"sha256": f"{label}-{i}", "label": label} for label, n in counts.items() for i in range(n)]
    return pa.Table.from_pylist(rows).take(np.random.default_rng(5).permutation(len(rows)))


@pytest.fixture
def dataset(shelf: Callable[..., Any], picture: Callable[..., bytes]) -> Any:
    """Thirty pictures of class a, three of class b, one of c whose pixels are damaged; of d nothing is left."""
    images = {f"a-{i}": picture(i) for i in range(30)} | {f"b-{i}": picture(100 + i) for i in range(3)}
    return shelf(images | {"c-0": picture(7)[:40]})


def test_each_class_shows_its_own_pictures_the_smallest_first(dataset: Any) -> None:
    drawn = sheets(dataset, table({"a": 30, "b": 3}), seed=0)
    assert [(sheet.label, sheet.total, len(sheet.images)) for sheet in drawn] == [("b", 3, 3), ("a", 30, MAX_SHEET)]
    assert len({image for sheet in drawn for image in sheet.images}) == 3 + MAX_SHEET
    assert all(image.startswith("data:image/jpeg;base64,") for sheet in drawn for image in sheet.images)


def test_the_draw_depends_on_the_seed_and_not_on_the_order(dataset: Any) -> None:
    rows = table({"a": 30, "b": 3})
    assert sheets(dataset, rows, 1) == sheets(dataset, rows.sort_by("sha256"), 1)
    assert sheets(dataset, rows, 1)[1] != sheets(dataset, rows, 2)[1]


def test_what_cannot_be_read_keeps_its_place(dataset: Any) -> None:
    assert [sheet.images for sheet in sheets(dataset, table({"c": 1, "d": 1}), 0)] == [[""], [""]]


def test_many_classes_are_bounded(dataset: Any) -> None:
    drawn = sheets(dataset, table({f"class {i:04d}": 1 + i % 3 for i in range(1000)}), 0)
    assert len(drawn) == MAX_SHEETS and {sheet.total for sheet in drawn} == {1}


def test_no_pictures_no_sheets(dataset: Any) -> None:
    assert sheets(dataset, table({"a": 1}).slice(1), 0) == []
