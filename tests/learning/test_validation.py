"""Figures on the validation split."""

import numpy as np
import pytest

from nightsort.learning.validation import macro_f1


def test_a_class_that_validation_lacks_does_not_lower_the_score() -> None:
    labels = np.array([0, 0, 0, 1, 1, 1])
    assert macro_f1(labels, labels) == 1.0
    assert macro_f1(labels, np.array([0, 0, 0, 1, 1, 3])) == pytest.approx((1 + 0.8) / 2)
