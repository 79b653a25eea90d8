"""Thresholds: a promise on the pictures they were chosen on, the smallest that keeps it, and words where none does."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from nightsort.evaluation.thresholds import ALWAYS_ABSTAIN, MIN_ANSWERED, for_precision

CLASSES = ["a", "b", "c"]
Floats, Ints = NDArray[np.float32], NDArray[np.int64]


def named(said: int, confidence: list[float]) -> Floats:
    """Probabilities that name one class with these confidences."""
    sure = np.array(confidence, np.float32)
    rows = np.tile(((1 - sure) / 2)[:, None], (1, 3))
    rows[:, said] = sure
    return rows


def validation(seed: int, pictures: int = 300) -> tuple[Floats, Ints]:
    """Answers that are right about as often as they are sure; rounded, so that some confidences are equal."""
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet([2, 1, 0.5], pictures).round(2).astype(np.float32)
    labels = (rng.random((pictures, 1)) > probabilities.cumsum(1)).sum(1).clip(max=2)
    return probabilities, labels


@settings(max_examples=25)
@given(st.integers(0, 2**31), st.sampled_from([0.6, 0.8, 0.9]), st.sampled_from([0.0, 0.5]))
def test_a_class_keeps_the_promise_or_a_note_says_that_it_does_not(seed: int, target: float, least: float) -> None:
    probabilities, labels = validation(seed)
    thresholds, notes = for_precision(probabilities, labels, CLASSES, target, least)
    predicted, confidence = probabilities.argmax(1), probabilities.max(1)
    assert thresholds.keys() == set(CLASSES) and all(value >= least for value in thresholds.values())
    for i, name in enumerate(CLASSES):
        rows = predicted == i
        if rows.sum() < MIN_ANSWERED or thresholds[name] == ALWAYS_ABSTAIN:
            assert any(name in note for note in notes)
            continue
        right = (labels == i)[rows]
        assert right[confidence[rows] >= thresholds[name]].mean() >= target
        for smaller in np.unique(confidence[rows]):
            if least <= smaller < thresholds[name]:
                assert right[confidence[rows] >= smaller].mean() < target


def test_the_smallest_confidence_that_reaches_the_target() -> None:
    confidence = [0.9] * 10 + [0.8] * 5 + [0.7] * 5 + [0.4] * 5
    labels = np.array([0] * 10 + [0] * 4 + [1] + [1] * 5 + [0] * 5)
    thresholds, notes = for_precision(named(0, confidence), labels, ["a", "b", "c"], 0.93, 0.5)
    assert thresholds["a"] == pytest.approx(0.8)
    assert for_precision(named(0, confidence), labels, CLASSES, 0.95, 0.5)[0]["a"] == pytest.approx(0.9)
    assert for_precision(named(0, confidence), labels, CLASSES, 0.7, 0.5)[0]["a"] == 0.5
    assert len(notes) == 1 and "b, c" in notes[0]


def test_a_few_lucky_answers_do_not_tell() -> None:
    probabilities = named(0, [0.99] * 5 + [0.9] * 20)
    labels = np.array([0] * 5 + [1] * 20)
    thresholds, notes = for_precision(probabilities, labels, CLASSES, 0.9, 0.5)
    assert thresholds["a"] == ALWAYS_ABSTAIN
    assert any("not reached" in note and "a (0.200)" in note for note in notes)


def test_a_rare_class_takes_the_threshold_of_all() -> None:
    probabilities = np.concatenate([named(0, [0.9] * 20 + [0.6] * 20), named(1, [0.95] * 2)])
    labels = np.array([0] * 20 + [2] * 20 + [1] * 2)
    thresholds, notes = for_precision(probabilities, labels, CLASSES, 0.9, 0.5)
    assert thresholds == {"a": pytest.approx(0.9), "b": pytest.approx(0.9), "c": pytest.approx(0.9)}
    assert any("too few to tell" in note and "b, c" in note and "0.900" in note for note in notes)


def test_without_a_validation_picture_everything_abstains_and_a_note_says_so() -> None:
    thresholds, notes = for_precision(np.empty((0, 3), np.float32), np.empty(0, np.int64), CLASSES, 0.9, 0.5)
    assert set(thresholds.values()) == {ALWAYS_ABSTAIN}
    assert len(notes) == 1 and "always abstain" in notes[0]


def test_notes_are_bounded() -> None:
    classes = [f"class {i}" for i in range(1000)]
    _, notes = for_precision(np.full((50, 1000), 1e-3, np.float32), np.zeros(50, np.int64), classes, 0.9, 0.5)
    assert any("and 979 more" in note for note in notes) and max(map(len, notes)) < 600
