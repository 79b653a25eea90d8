"""How far two sets of answers agree, and the sample they are compared on."""

import numpy as np
import pytest

from nightsort.evaluation.agreement import Agreement, compare, kappa, stratified

CLASSES = ["crack", "dent", "scratch"]


def certain(labels: list[int]) -> np.ndarray:
    """Probabilities of 0.8 for these labels."""
    return np.where(np.eye(3, dtype=bool)[labels], 0.8, 0.1).astype(np.float32)


def compared(truth: list[int], ours: list[int], theirs: list[int], weights: list[float] | None = None) -> Agreement:
    """Two sets of labels held against each other."""
    return compare(certain(ours), certain(theirs), np.array(truth), np.array(weights or [1.0] * len(truth)), CLASSES)


def test_equal_answers_agree_in_everything() -> None:
    same = compared([0, 1, 1, 2], [0, 1, 2, 2], [0, 1, 2, 2])
    assert (same.agreement, same.mean_drift, same.max_drift) == (1.0, 0.0, 0.0)
    assert (same.worst_class, same.worst_loss, same.worst_support) == (None, 0.0, 0)
    assert same.recall == {"crack": 1.0, "dent": 0.5, "scratch": 1.0}


def test_one_flip_costs_its_class_and_drifts() -> None:
    found = compared([0] * 4 + [1] * 5, [0] * 4 + [1] * 5, [0] * 4 + [1] * 4 + [2])
    assert found.agreement == pytest.approx(8 / 9)
    assert (found.worst_class, found.worst_loss, found.worst_support) == ("dent", 0.2, 5)
    assert found.mean_drift == pytest.approx(0.7 / 9) and found.max_drift == pytest.approx(0.7)


def test_a_gain_is_no_loss() -> None:
    found = compared([0, 1], [0, 0], [0, 1])
    assert found.agreement == 0.5 and found.worst_class is None and found.worst_loss == 0.0


def test_a_class_without_pictures_has_no_part() -> None:
    assert set(compared([0, 0, 1], [0, 0, 1], [0, 2, 1]).recall) == {"crack", "dent"}


def test_one_of_a_hundred_is_exactly_one_point() -> None:
    found = compared([0] * 100 + [1], [0] * 99 + [1, 1], [0] * 98 + [1, 1, 1])
    assert found.worst_loss == 0.01


def test_a_sampled_class_counts_as_much_as_it_has_pictures() -> None:
    # one picture of a frequent class stands for 90, ten of a rare one for themselves
    found = compared([0] + [1] * 10, [0] + [1] * 10, [0] + [2] * 10, [90.0] + [1.0] * 10)
    assert found.agreement == pytest.approx(0.9)


def test_a_small_split_is_taken_whole() -> None:
    rows, weights = stratified(np.array([2, 0, 0, 2]), 100)
    assert rows.tolist() == [0, 1, 2, 3] and weights.tolist() == [1, 1, 1, 1]


def test_rare_classes_are_whole_and_frequent_ones_share_the_rest() -> None:
    labels = np.repeat([0, 1, 3], [5000, 3, 400])
    rows, weights = stratified(labels, 203)
    assert np.bincount(labels[rows]).tolist() == [100, 3, 0, 100]
    assert (np.diff(rows) > 0).all()
    assert weights.sum() == pytest.approx(len(labels))
    assert set(weights[labels[rows] == 1]) == {1.0}
    again, _ = stratified(labels, 203)
    assert again.tolist() == rows.tolist()


def test_each_class_is_in_however_many_there_are() -> None:
    rows, _ = stratified(np.repeat(np.arange(50), 4), 10)
    assert sorted((rows // 4).tolist()) == list(range(50))


def test_nothing_to_sample_is_an_empty_sample() -> None:
    rows, weights = stratified(np.empty(0, np.int64), 10)
    assert len(rows) == len(weights) == 0


def test_kappa_is_agreement_beyond_chance() -> None:
    # Cohen's own kind of example: 0.7 agree, 0.5 would by chance
    assert kappa({("a", "a"): 20, ("a", "b"): 5, ("b", "a"): 10, ("b", "b"): 15}) == pytest.approx(0.4)
    assert kappa({("a", "b"): 5, ("b", "a"): 5}) == pytest.approx(-1)
    assert kappa({("a", "a"): 5}) is None and kappa({}) is None
