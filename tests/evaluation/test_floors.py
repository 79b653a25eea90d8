"""What a challenger may not lose: a class, honest confidence, speed, size."""

import numpy as np
import pytest

from nightsort.evaluation import floors

LABELS = np.repeat([0, 1], [60, 40]).astype(np.int64)
CLASSES = ["a", "b"]


def sure(confidence: float, right: float = 0.75) -> np.ndarray:
    """Probabilities of a model that is right on this share of each class, with this confidence, float32 (N, 2)."""
    hit = np.concatenate([np.arange(60) < 60 * right, np.arange(40) < 40 * right])
    said = np.where(hit, LABELS, 1 - LABELS)
    return np.where(np.eye(2)[said] == 1, confidence, 1 - confidence).astype(np.float32)


def test_a_class_may_lose_as_much_as_is_allowed_and_no_more() -> None:
    old, new = LABELS.copy(), LABELS.copy()
    new[-4:] = 0
    assert floors.recalls(LABELS, old, new, CLASSES, 0.1).passed
    refused = floors.recalls(LABELS, old, new, CLASSES, 0.09)
    assert not refused.passed
    assert refused.line == "loses recall in b (1.000 -> 0.900 on 40), more than max_class_loss=0.09"
    assert floors.recalls(LABELS, new, old, CLASSES, 0.0).line == "no class loses recall"


def test_the_class_that_loses_most_is_named_first() -> None:
    labels = np.repeat(np.arange(8), 10)
    new = np.where(np.arange(80) % 10 < labels, 9, labels)
    line = floors.recalls(labels, labels, new, [f"c{i}" for i in range(10)], 0.0).line
    assert line.startswith("loses recall in c7 (1.000 -> 0.300 on 10), c6")
    assert "and 2 more, more than" in line


@pytest.mark.parametrize(("confidence", "passed"), [(0.76, True), (0.99, False), (0.51, False)])
def test_confidence_that_became_dishonest_is_refused_either_way(confidence: float, passed: bool) -> None:
    assert floors.calibration(LABELS, sure(0.75), sure(confidence), 0.05).passed is passed


def test_confidence_that_became_honest_is_not() -> None:
    assert floors.calibration(LABELS, sure(0.99), sure(0.75), 0.0).line == "calibration error 0.240 -> 0.000"


@pytest.mark.parametrize(("old", "new", "passed"), [(1.0, 10.0, True), (1.0, 10.1, False), (10.0, 1.0, True)])
def test_speed(old: float, new: float, passed: bool) -> None:
    assert floors.speed(old, new, 10.0).passed is passed


@pytest.mark.parametrize(
    ("old", "new", "whose"), [(None, 1.0, "the champion"), (1.0, None, "the new model"), (None, None, "either model")]
)
def test_a_speed_that_nobody_measured_passes_and_says_so(old: float | None, new: float | None, whose: str) -> None:
    check = floors.speed(old, new, 1.0)
    assert check.passed and check.line == f"not compared: no speed of {whose} on this machine"


def test_size_version_and_doubles() -> None:
    assert floors.size(2_000_000, 2.0).passed and not floors.size(2_000_001, 2.0).passed
    assert [floors.newer(version, 4).passed for version in (3, 4, 5)] == [False, False, True]
    assert not floors.other_weights(5, 4, same=True).passed and floors.other_weights(5, 4, same=False).passed
    assert not floors.other_answers(LABELS, LABELS.copy()).passed
    assert floors.other_answers(LABELS, 1 - LABELS).line == "differs on 100 of 100 test pictures"


@pytest.mark.parametrize(("new", "reached", "passed"), [(0.9, 0.9, True), (0.899, 0.9, False), (1.0, None, False)])
def test_a_champion_that_cannot_be_asked_still_counts_by_its_record(
    new: float, reached: float | None, passed: bool
) -> None:
    assert floors.as_recorded(new, reached).passed is passed
