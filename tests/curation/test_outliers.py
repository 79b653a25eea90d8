"""A picture far from its class stands out; a twin does not vouch for it, and a small class is not judged."""

import numpy as np
import pytest
from numpy.typing import NDArray

from nightsort.curation.outliers import MIN_PICTURES, deviations

THRESHOLD = 4.0


def unit(rows: NDArray[np.float64]) -> NDArray[np.float32]:
    """Rows at unit length."""
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def cloud(count: int, direction: int, rng: np.random.Generator, spread: float = 0.1) -> NDArray[np.float64]:
    """Vectors about one axis of ten."""
    return np.eye(10)[direction] + spread * rng.normal(size=(count, 10))


def alone(count: int) -> NDArray[np.int64]:
    """Each picture its own group."""
    return np.arange(count, dtype=np.int64)


def test_what_was_planted_is_furthest_from_its_class() -> None:
    rng = np.random.default_rng(0)
    rows = unit(np.concatenate([cloud(60, 0, rng), cloud(60, 1, rng)]))
    labels = np.repeat([0, 1], 60)
    rows[[7, 100]] = rows[[100, 7]]  # each lies among the other class
    found = deviations(rows, labels, alone(120))
    assert set(np.argsort(found)[-2:]) == {7, 100}
    assert np.sum(found > THRESHOLD) < 5 and found[[7, 100]].min() > 2 * np.delete(found, [7, 100]).max()


def test_a_class_of_two_shapes_has_no_outliers() -> None:
    rng = np.random.default_rng(1)
    rows = unit(np.concatenate([cloud(50, 0, rng), cloud(20, 5, rng)]))  # far from the common centre, near each other
    found = deviations(rows, np.zeros(70, np.int64), alone(70))
    assert np.nanmax(found) < THRESHOLD


def test_twins_do_not_vouch_for_each_other() -> None:
    rng = np.random.default_rng(2)
    strange = np.repeat(cloud(1, 9, rng), 6, axis=0)
    rows = unit(np.concatenate([cloud(60, 0, rng), strange]))
    labels, groups = np.zeros(66, np.int64), alone(66)
    assert np.all(deviations(rows, labels, groups)[60:] < THRESHOLD)
    groups[60:] = 60
    assert np.all(deviations(rows, labels, groups)[60:] > THRESHOLD)


@pytest.mark.parametrize(("count", "judged"), [(MIN_PICTURES - 1, 0), (MIN_PICTURES, MIN_PICTURES)])
def test_a_class_of_few_is_not_judged(count: int, judged: int) -> None:
    rows = unit(cloud(count, 0, np.random.default_rng(3)))
    assert np.isfinite(deviations(rows, np.zeros(count, np.int64), alone(count))).sum() == judged


def test_a_class_with_nothing_to_compare_is_not_judged() -> None:
    rows = unit(cloud(20, 0, np.random.default_rng(4)))
    labels = np.zeros(20, np.int64)
    assert np.isnan(deviations(rows, labels, labels)).all()  # one group: all twins
    same = np.repeat(rows[:1], 20, axis=0)
    assert np.isnan(deviations(same, labels, alone(20))).all()  # all equal: no usual distance


def test_a_large_class_is_compared_with_a_part_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(5)
    rows = unit(cloud(300, 0, rng))
    rows[250] = unit(cloud(1, 3, rng))
    whole = deviations(rows, np.zeros(300, np.int64), alone(300))
    monkeypatch.setattr("nightsort.curation.outliers._REFERENCES", 100)
    monkeypatch.setattr("nightsort.curation.outliers._ROWS", 7)
    part = deviations(rows, np.zeros(300, np.int64), alone(300))
    assert np.nanargmax(whole) == np.nanargmax(part) == 250
    assert np.isfinite(part).all()
