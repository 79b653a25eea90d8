"""What two answered to the same pictures, summed part by part."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest
from sklearn.metrics import cohen_kappa_score

from nightsort.reports import answered
from nightsort.reports.answered import Pairs
from nightsort.reports.gallery import without_pixels
from nightsort.reports.shown import MAX_THUMBNAILS

CLASSES = np.array(["crack", "dent", "stain"])


@pytest.fixture
def rows() -> Callable[[int], pa.Table]:
    """So many pictures that two answered, of three in four the same."""

    def make(number: int) -> pa.Table:
        rng = np.random.default_rng(number)
        first = rng.integers(0, 3, number)
        second = np.where(rng.random(number) < 0.25, (first + 1) % 3, first)
        return pa.table(
            {
                "sha256": [f"{i:064x}" for i in range(number)],
                "path": [f"/in/{i}.png" for i in range(number)],
                "member": [""] * number,
                "label": CLASSES[first],
                "confidence": pa.array(rng.random(number), pa.float32()),
                "abstained": rng.random(number) < 0.1,
                "label_second": CLASSES[second],
                "confidence_second": pa.array(rng.random(number), pa.float32()),
                "abstained_second": rng.random(number) < 0.2,
            }
        )

    return make


def test_figures_are_those_of_all_rows_however_they_come(rows: Callable[[int], pa.Table]) -> None:
    table, answers = rows(400), Pairs()
    for start in range(0, 400, 90):
        answers.add(table.slice(start, 90))
    found = answers.of(without_pixels)
    assert found
    first, second = (np.array(table[name].to_pylist()) for name in ("label", "label_second"))
    same = first == second
    assert (found.pictures, found.agreeing) == (400, same.sum())
    assert found.kappa == pytest.approx(cohen_kappa_score(first, second))
    assert found.abstained == tuple(sum(table[name].to_pylist()) for name in ("abstained", "abstained_second"))
    sure = [np.array(table[name].to_pylist()) for name in ("confidence", "confidence_second")]
    assert found.confidence == pytest.approx([each.mean() for each in sure])
    assert found.agreed_confidence == pytest.approx([each[same].mean() for each in sure])
    assert found.differing_confidence == pytest.approx([each[~same].mean() for each in sure])
    assert sum(change.pictures for change in found.changes) == (~same).sum()
    numbers = [change.pictures for change in found.changes]
    assert numbers == sorted(numbers, reverse=True)
    least = np.minimum(*sure)
    surest = np.flatnonzero(~same)[np.argsort(-least[~same])][:MAX_THUMBNAILS]
    assert [item.picture.path for item in found.shown] == [f"/in/{i}.png" for i in surest]
    assert [item.second for item in found.shown] == list(second[surest])


def test_it_is_bounded(rows: Callable[[int], pa.Table]) -> None:
    table = rows(300)
    each = pa.array([f"class {i}" for i in range(300)])
    answers = Pairs()
    answers.add(table.set_column(table.column_names.index("label"), "label", each))
    found = answers.of(without_pixels)
    assert found and (len(found.changes), len(found.shown)) == (answered.MAX_CHANGES, MAX_THUMBNAILS)
    assert (found.pairs, found.agreeing, found.agreed_confidence) == (300, 0, None)


def test_two_who_say_the_same_agree_in_everything(rows: Callable[[int], pa.Table]) -> None:
    table, answers = rows(50), Pairs()
    answers.add(table.set_column(table.column_names.index("label_second"), "label_second", table["label"]))
    found = answers.of(without_pixels)
    assert found and (found.agreeing, found.kappa, found.changes, found.shown) == (50, 1.0, [], [])
    assert found.differing_confidence is None
    assert Pairs().of(without_pixels) is None
