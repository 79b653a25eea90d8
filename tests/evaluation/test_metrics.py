"""Figures on a split: against cases worked out by hand, and against scikit-learn on any."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn import metrics as reference

from nightsort.errors import DatasetError
from nightsort.evaluation.calibration import BINS, calibration_error, reliability
from nightsort.evaluation.metrics import evaluate
from nightsort.evaluation.scores import MAX_CONFUSED, MAX_CURVES, MAX_POINTS, Scores

Floats, Ints = NDArray[np.float32], NDArray[np.int64]


def sure(predicted: list[int], classes: int, confidence: float = 1.0) -> Floats:
    """Probabilities that name these classes."""
    rest = (1 - confidence) / (classes - 1)
    return np.where(np.eye(classes, dtype=bool)[predicted], confidence, rest).astype(np.float32)


def guessed(labels: Ints, classes: int, skill: float = 1.5, seed: int = 0) -> Floats:
    """Probabilities that lean to the labels; rounded, so that some are equal."""
    logits = np.random.default_rng(seed).normal(size=(len(labels), classes)).round(1)
    logits[np.arange(len(labels)), labels] += skill
    likely = np.exp(logits)
    return (likely / likely.sum(1, keepdims=True)).astype(np.float32)


def names(classes: int) -> list[str]:
    return [f"c{i}" for i in range(classes)]


def test_figures_worked_out_by_hand() -> None:
    scores = evaluate(sure([0, 0, 1, 1], 2), np.array([0, 0, 0, 1]), ["a", "b"])
    assert scores.pictures == 4
    assert scores.accuracy == 0.75
    assert scores.balanced_accuracy == scores.macro_recall == pytest.approx((2 / 3 + 1) / 2)
    assert scores.macro_precision == pytest.approx((1 + 0.5) / 2)
    assert scores.macro_f1 == pytest.approx((0.8 + 2 / 3) / 2)
    assert scores.confusion == [[2, 1], [0, 1]] and scores.confused == []
    assert [(c.label, c.support, c.precision) for c in scores.classes] == [("a", 3, 1.0), ("b", 1, 0.5)]


@settings(max_examples=15)
@given(st.integers(2, 12), st.integers(1, 60), st.integers(0, 2**31))
def test_figures_are_scikit_learns(classes: int, pictures: int, seed: int) -> None:
    labels = np.random.default_rng(seed).integers(0, classes, pictures)
    probabilities = guessed(labels, classes, 0.8, seed)
    scores, predicted = evaluate(probabilities, labels, names(classes)), probabilities.argmax(1)
    assert scores.accuracy == pytest.approx(reference.accuracy_score(labels, predicted))
    assert scores.log_loss == pytest.approx(reference.log_loss(labels, probabilities, labels=range(classes)), rel=1e-4)
    assert scores.confusion == reference.confusion_matrix(labels, predicted, labels=range(classes)).tolist()
    assert scores.macro_f1 == pytest.approx(
        reference.f1_score(labels, predicted, labels=np.unique(labels), average="macro", zero_division=0)
    )
    for i, row in enumerate(scores.classes):
        positive = labels == i
        if not positive.any() or positive.all():
            assert row.roc_auc is None and row.average_precision is None
            continue
        assert row.roc_auc == pytest.approx(reference.roc_auc_score(positive, probabilities[:, i]))
        assert row.average_precision == pytest.approx(reference.average_precision_score(positive, probabilities[:, i]))


def test_a_perfect_predictor() -> None:
    labels = np.repeat(np.arange(4), 5)
    scores = evaluate(sure(labels.tolist(), 4), labels, names(4), np.array([500, 101, 100, 19]))
    assert scores.accuracy == scores.macro_f1 == scores.macro_precision == scores.roc_auc == 1
    assert scores.average_precision == scores.top_k_accuracy == 1
    assert scores.log_loss == scores.calibration_error == 0
    assert scores.shots == {"many": 1.0, "medium": 1.0, "few": 1.0}
    assert [row.shot for row in scores.classes] == ["many", "many", "medium", "few"]
    assert all((span.low, span.high) == (1, 1) for span in scores.intervals.values())
    assert scores.coverage and (scores.coverage.x, scores.coverage.y, scores.coverage.area) == ([1.0], [1.0], 1.0)


def test_a_constant_predictor() -> None:
    labels = np.repeat(np.arange(4), [12, 4, 2, 2])
    scores = evaluate(np.full((20, 4), 0.25, np.float32), labels, names(4))
    assert scores.accuracy == 0.6 and scores.balanced_accuracy == 0.25
    assert scores.roc_auc == 0.5 and scores.average_precision == pytest.approx(0.25)
    assert (scores.top_k, scores.top_k_accuracy) == (2, 0.8)  # never less than accuracy: the first of equals counts
    assert scores.log_loss == pytest.approx(np.log(4))
    assert scores.calibration_error == pytest.approx(0.35)


def test_a_random_predictor_is_no_better_than_chance() -> None:
    labels = np.random.default_rng(1).integers(0, 10, 4000)
    scores = evaluate(guessed(labels, 10, skill=0.0), labels, names(10))
    assert scores.roc_auc == pytest.approx(0.5, abs=0.03)
    assert scores.accuracy == pytest.approx(0.1, abs=0.03)
    assert (scores.top_k, scores.top_k_accuracy) == (5, pytest.approx(0.5, abs=0.04))


def test_one_class_has_no_curve() -> None:
    scores = evaluate(np.ones((3, 1), np.float32), np.zeros(3, np.int64), ["only"])
    assert scores.accuracy == scores.macro_f1 == 1 and scores.log_loss == 0
    assert scores.roc_auc is scores.average_precision is scores.top_k_accuracy is None
    assert scores.roc == scores.precision_recall == []


@pytest.mark.parametrize(("classes", "k"), [(2, 0), (3, 0), (4, 2), (6, 3), (9, 3), (10, 5), (40, 5)])
def test_k_grows_with_the_classes(classes: int, k: int) -> None:
    labels = np.arange(classes)
    scores = evaluate(guessed(labels, classes), labels, names(classes))
    assert scores.top_k == k
    assert (scores.top_k_accuracy is None) == (k == 0)
    assert not k or scores.accuracy <= scores.top_k_accuracy <= 1


def test_a_class_without_a_picture_has_no_figures_and_no_part_in_the_mean() -> None:
    scores = evaluate(sure([0, 1, 1], 3), np.array([0, 1, 1]), ["a", "b", "ghost"], np.array([200, 5, 50]))
    assert scores.macro_f1 == scores.balanced_accuracy == scores.roc_auc == 1
    ghost = scores.classes[2]
    assert (ghost.support, ghost.precision, ghost.recall, ghost.f1, ghost.roc_auc) == (0, None, None, None, None)
    assert scores.confusion[2] == [0, 0, 0]
    assert scores.absent == ["ghost"]
    assert scores.shots == {"many": 1.0, "few": 1.0} and ghost.shot == "medium"


def test_naming_an_absent_class_still_costs() -> None:
    scores = evaluate(sure([2, 1, 1], 3), np.array([0, 1, 1]), ["a", "b", "ghost"])
    assert scores.macro_f1 == pytest.approx(0.5)


def test_no_picture_is_refused() -> None:
    with pytest.raises(DatasetError, match="test split: no picture"):
        evaluate(np.empty((0, 2), np.float32), np.empty(0, np.int64), ["a", "b"])


def test_many_classes_stay_bounded_and_every_picture_is_counted() -> None:
    labels = np.random.default_rng(0).integers(0, 400, 1500)
    probabilities = guessed(labels, 400, 4.0)
    scores = evaluate(probabilities, labels, names(400))
    assert len(scores.confused) == MAX_CONFUSED and len(scores.confusion) == MAX_CONFUSED + 1
    assert sum(map(sum, scores.confusion)) == 1500
    right = {i: int(((probabilities.argmax(1) == labels) & (labels == i)).sum()) for i in range(400)}
    assert [scores.confusion[i][i] for i in range(MAX_CONFUSED)] == [right[int(name[1:])] for name in scores.confused]
    assert len(scores.roc) == len(scores.precision_recall) == MAX_CURVES
    assert len(scores.coverage.x) <= MAX_POINTS
    worst = sorted(row.average_precision for row in scores.classes if row.average_precision is not None)
    assert [curve.area for curve in scores.precision_recall] == pytest.approx(worst[:MAX_CURVES])
    assert Scores.model_validate_json(scores.model_dump_json()) == scores


@pytest.mark.parametrize(
    ("confidence", "right", "error"), [(1.0, 10, 0.0), (1.0, 5, 0.5), (0.8, 8, 0.0), (0.6, 10, 0.4)]
)
def test_calibration_error_is_the_gap_between_confidence_and_accuracy(
    confidence: float, right: int, error: float
) -> None:
    labels = np.array([0] * right + [1] * (10 - right))
    assert calibration_error(sure([0] * 10, 2, confidence), labels) == pytest.approx(error, abs=1e-6)


def test_calibration_errors_of_two_bins_do_not_cancel() -> None:
    probabilities = np.concatenate([sure([0] * 10, 2, 0.9), sure([0] * 10, 2, 0.6)])
    labels = np.array([0] * 6 + [1] * 4 + [0] * 9 + [1])
    assert calibration_error(probabilities, labels) == pytest.approx(0.3, abs=1e-6)
    filled = [bin for bin in reliability(probabilities, labels) if bin.pictures]
    assert [(bin.pictures, bin.accuracy) for bin in filled] == [(10, 0.9), (10, 0.6)]
    assert [bin.confidence for bin in filled] == pytest.approx([0.6, 0.9])


def test_a_bin_holds_its_upper_edge() -> None:
    bins = reliability(np.array([[1.0, 0.0], [0.9, 0.1], [0.5, 0.5]], np.float32), np.array([0, 0, 0]))
    assert len(bins) == BINS and sum(bin.pictures for bin in bins) == 3
    assert bins[-1].pictures == 1 and bins[-1].high == 1
    assert all(bin.low < bin.confidence <= bin.high for bin in bins if bin.pictures)
