"""Curves: points that lie on scikit-learn's curve, few of them, with both ends."""

import numpy as np
import pytest
from sklearn.metrics import precision_recall_curve, roc_curve

from nightsort.evaluation import curves
from nightsort.evaluation.scores import MAX_POINTS, Curve


def points(curve: Curve) -> set[tuple[float, float]]:
    """Its points, rounded."""
    return {(round(x, 9), round(y, 9)) for x, y in zip(curve.x, curve.y, strict=True)}


@pytest.mark.parametrize("pictures", [2, 40, 3000])
def test_every_point_is_on_scikit_learns_curve(pictures: int) -> None:
    rng = np.random.default_rng(pictures)
    positive = np.arange(pictures) % 3 == 0
    score = (rng.normal(size=pictures) + positive).round(2).astype(np.float32)
    sweep = curves.sweep(score, positive)
    false, true, _ = roc_curve(positive, score, drop_intermediate=False)
    precision, recall, _ = precision_recall_curve(positive, score)
    for found, x, y in ((sweep.roc("a"), false, true), (sweep.precision_recall("a"), recall, precision)):
        known = points(Curve(label="", x=x.tolist(), y=y.tolist()))
        assert points(found) <= known
        assert len(found.x) <= MAX_POINTS and (len(x) > MAX_POINTS or points(found) == known)
        assert {(found.x[0], found.y[0]), (found.x[-1], found.y[-1])} == {(x[0], y[0]), (x[-1], y[-1])}
        gaps = np.abs(np.diff(found.x)) + np.abs(np.diff(found.y))
        assert len(x) <= MAX_POINTS or gaps.max() < 0.3  # no part of the curve is left out


def test_coverage_answers_the_surest_first() -> None:
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.6, 0.4]], np.float32)
    curve = curves.coverage(probabilities, np.array([0, 0, 0, 0]))
    assert curve.x == [0.25, 0.5, 0.75, 1.0]
    assert curve.y == pytest.approx([1, 1, 2 / 3, 3 / 4])
    assert curve.area == pytest.approx((1 + 1 + 2 / 3 + 3 / 4) / 4)


def test_equal_confidences_are_answered_together() -> None:
    probabilities = np.array([[0.9, 0.1], [0.9, 0.1], [0.1, 0.9], [0.4, 0.6]], np.float32)
    labels = np.array([0, 1, 0, 1])
    for order in ([0, 1, 2, 3], [2, 1, 0, 3]):
        curve = curves.coverage(probabilities[order], labels[order])
        assert (curve.x, curve.y) == ([0.75, 1.0], [pytest.approx(1 / 3), 0.5])


def test_the_last_point_of_coverage_is_accuracy() -> None:
    rng = np.random.default_rng(0)
    probabilities, labels = rng.dirichlet(np.ones(5), 5000).astype(np.float32), rng.integers(0, 5, 5000)
    curve = curves.coverage(probabilities, labels)
    assert len(curve.x) <= MAX_POINTS
    assert (curve.x[-1], curve.y[-1]) == (1, pytest.approx((probabilities.argmax(1) == labels).mean()))
