"""Weights of members, by what they are worth on the validation split."""

import numpy as np

from nightsort.learning.ensemble.weighing import weigh
from nightsort.learning.validation import macro_f1

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
    alone = max(macro_f1(LABELS, member.argmax(1)) for member in members)
    assert macro_f1(LABELS, together.argmax(1)) == 1.0 > alone
    assert abs(weights.sum() - 1) < 1e-6
