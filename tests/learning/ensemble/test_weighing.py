"""Weights of members, by what they are worth on the validation split."""

import numpy as np

from nightsort.learning.ensemble.weighing import macro_f1, weigh

LABELS = np.array([0, 0, 0, 1, 1, 1])


def sure(answers: list[int], confidence: float = 0.8) -> np.ndarray:
    """Probabilities of two classes, float32 (N, 2)."""
    return np.array([[confidence, 1 - confidence][:: 1 if a == 0 else -1] for a in answers], np.float32)


def test_the_one_that_is_right_gets_all() -> None:
    weights = weigh(np.stack([sure([1, 1, 1, 0, 0, 0]), sure([0, 0, 0, 1, 1, 1], 0.999), sure([0] * 6)]), LABELS)
    assert weights.tolist() == [0.0, 1.0, 0.0]


def test_members_that_err_apart_are_better_together() -> None:
    members = np.stack([sure([1, 0, 0, 1, 1, 1]), sure([0, 1, 0, 1, 1, 1]), sure([0, 0, 0, 1, 1, 0])])
    weights = weigh(members, LABELS)
    together = np.tensordot(weights, members, 1)
    assert macro_f1(together, LABELS) == 1.0 > max(macro_f1(member, LABELS) for member in members)
    assert abs(weights.sum() - 1) < 1e-6


def test_a_class_that_validation_lacks_does_not_lower_the_score() -> None:
    assert macro_f1(np.eye(4, dtype=np.float32)[LABELS], LABELS) == 1.0
