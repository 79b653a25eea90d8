"""What a challenger may not lose: a class, honest confidence, speed, size."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from nightsort.evaluation import floors
from nightsort.evaluation.scores import Check

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


RESTORE = "restore the champion, or go past the gate with force"
GAINED, LOST = LABELS.copy(), LABELS.copy()
LOST[-1] = 0


@pytest.mark.parametrize(
    ("floor", "figures", "name", "passed", "line"),
    [
        (floors.recalls, (LABELS, LOST, GAINED, CLASSES, 0.0), "every class", True, "no class loses recall"),
        (
            floors.recalls,
            (LABELS, GAINED, LOST, CLASSES, 0.05),
            "every class",
            True,
            "loses most recall in b (1.000 -> 0.975 on 40)",
        ),
        (
            floors.recalls,
            (LABELS, GAINED, LOST, CLASSES, 0.02),
            "every class",
            False,
            "loses recall in b (1.000 -> 0.975 on 40), more than max_class_loss=0.02",
        ),
        (
            floors.calibration,
            (LABELS, sure(0.95), sure(0.97), 0.03),
            "calibration",
            True,
            "calibration error 0.200 -> 0.220",
        ),
        (
            floors.calibration,
            (LABELS, sure(0.9), sure(0.9), 0.0),
            "calibration",
            True,
            "calibration error 0.150 -> 0.150",
        ),
        (
            floors.calibration,
            (LABELS, sure(0.8), sure(0.9), 0.05),
            "calibration",
            False,
            "calibration error 0.050 -> 0.150, worse by more than max_calibration_loss=0.05",
        ),
        (floors.other_answers, (LABELS, LOST), "other answers", True, "differs on 1 of 100 test pictures"),
        (
            floors.other_answers,
            (LABELS, GAINED),
            "other answers",
            False,
            "says of every test picture what the champion says",
        ),
        (floors.other_weights, (5, 4, False), "other weights", True, "its weights are its own"),
        (floors.other_weights, (5, 4, True), "other weights", False, "model 5 has the weights of champion 4"),
        (floors.newer, (5, 4), "newer", True, "version 5 is newer than champion 4"),
        (
            floors.newer,
            (3, 4),
            "newer",
            False,
            "version 3 is not newer than champion 4; only a rollback or force goes back",
        ),
        (
            floors.as_recorded,
            (0.9, 0.8),
            "as good as it was",
            True,
            "macro-F1 0.900, the champion had 0.800 when it was published",
        ),
        (
            floors.as_recorded,
            (0.7, 0.8),
            "as good as it was",
            False,
            f"not as good as it was: macro-F1 0.700, the champion had 0.800 when it was published; {RESTORE}",
        ),
        (
            floors.as_recorded,
            (0.7, None),
            "as good as it was",
            False,
            f"nothing is known any more of what the champion had reached; {RESTORE}",
        ),
        (floors.speed, (2.0, 15.0, 10.0), "speed", True, "2 -> 15 ms a picture"),
        (
            floors.speed,
            (2.0, 25.0, 10.0),
            "speed",
            False,
            "2 -> 25 ms a picture, more than max_slowdown=10 times as long",
        ),
        (floors.speed, (None, 1.0, 1.0), "speed", True, "not compared: no speed of the champion on this machine"),
        (floors.size, (1_500_000, 2.0), "size", True, "its weights take 1.5 MB"),
        (floors.size, (2_500_000, 2.0), "size", False, "its weights take 2.5 MB, more than max_megabytes=2"),
    ],
)
def test_every_floor_has_a_name_and_a_line_with_its_figures(
    floor: Callable[..., Check], figures: tuple[Any, ...], name: str, passed: bool, line: str
) -> None:
    assert floor(*figures) == Check(name=name, passed=passed, line=line)


def test_five_classes_are_all_named() -> None:
    labels = np.repeat(np.arange(5), 10)
    line = floors.recalls(labels, labels, (labels + 1) % 5, list("abcde"), 0.5).line
    assert line.startswith("loses recall in e (1.000 -> 0.000 on 10), d") and "more, more" not in line
    assert line.endswith("a (1.000 -> 0.000 on 10), more than max_class_loss=0.5")
