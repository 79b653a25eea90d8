"""Figures on a split, against cases small enough to work out by hand."""

import numpy as np
import pytest

from nightsort.errors import DatasetError
from nightsort.evaluation.calibration import calibration_error
from nightsort.evaluation.metrics import evaluate


def sure(predicted, classes, confidence=1.0):
    """Probabilities that name these classes."""
    rest = (1 - confidence) / (classes - 1)
    return np.where(np.eye(classes, dtype=bool)[predicted], confidence, rest).astype(np.float32)


def test_figures_worked_out_by_hand():
    scores = evaluate(sure([0, 0, 1, 1], 2), np.array([0, 0, 0, 1]), ["a", "b"])
    assert scores.pictures == 4
    assert scores.accuracy == 0.75
    assert scores.balanced_accuracy == pytest.approx((2 / 3 + 1) / 2)
    assert scores.macro_f1 == pytest.approx((0.8 + 2 / 3) / 2)
    assert scores.confusion == [[2, 1], [0, 1]]
    assert [(c.label, c.support, c.precision) for c in scores.classes] == [("a", 3, 1.0), ("b", 1, 0.5)]


def test_a_class_without_a_picture_has_no_figures_and_no_part_in_the_mean():
    scores = evaluate(sure([0, 1, 1], 3), np.array([0, 1, 1]), ["a", "b", "ghost"])
    assert scores.macro_f1 == scores.balanced_accuracy == 1
    ghost = scores.classes[2]
    assert (ghost.support, ghost.precision, ghost.recall, ghost.f1) == (0, None, None, None)
    assert scores.confusion[2] == [0, 0, 0]


def test_naming_an_absent_class_still_costs():
    scores = evaluate(sure([2, 1, 1], 3), np.array([0, 1, 1]), ["a", "b", "ghost"])
    assert scores.macro_f1 == pytest.approx(0.5)


def test_no_picture_is_refused():
    with pytest.raises(DatasetError, match="test split: no picture"):
        evaluate(np.empty((0, 2), np.float32), np.empty(0, np.int64), ["a", "b"])


@pytest.mark.parametrize(
    ("confidence", "right", "error"), [(1.0, 10, 0.0), (1.0, 5, 0.5), (0.8, 8, 0.0), (0.6, 10, 0.4)]
)
def test_calibration_error_is_the_gap_between_confidence_and_accuracy(confidence, right, error):
    labels = np.array([0] * right + [1] * (10 - right))
    assert calibration_error(sure([0] * 10, 2, confidence), labels) == pytest.approx(error, abs=1e-6)


def test_calibration_errors_of_two_bins_do_not_cancel():
    probabilities = np.concatenate([sure([0] * 10, 2, 0.9), sure([0] * 10, 2, 0.6)])
    labels = np.array([0] * 6 + [1] * 4 + [0] * 9 + [1])
    assert calibration_error(probabilities, labels) == pytest.approx(0.3, abs=1e-6)
