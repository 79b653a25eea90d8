"""How figures are put: what was measured is there, what was not is left out."""

from collections.abc import Callable

import pytest

from nightsort.evaluation.scores import ClassScore, Interval
from nightsort.evaluation.thresholds import ALWAYS_ABSTAIN
from nightsort.reports import judged
from nightsort.reports.learned import TrainingPart


def test_tiles_of_an_older_report(training_part: Callable[..., TrainingPart]) -> None:
    scores = training_part().scores
    tiles = judged.tiles(scores, 1.3)
    assert [tile.name for tile in tiles] == ["macro-F1", "accuracy", "balanced accuracy", "calibration error"]
    assert not any(tile.interval for tile in tiles)
    assert judged.shots(scores) == [] and judged.absent(scores) == "" and not judged.trusts(training_part())


def test_tiles_of_a_full_report(judged_part: Callable[..., TrainingPart]) -> None:
    part = judged_part()
    tiles = {tile.name: tile for tile in judged.tiles(part.scores, 1.3)}
    low, high = part.scores.intervals["macro_f1"].low, part.scores.intervals["macro_f1"].high
    assert tiles["macro-F1"].interval == f"{low:.3f} to {high:.3f}"
    assert tiles["accuracy"].interval.count("%") == 2
    assert tiles["top-5 accuracy"].value.endswith("%")
    assert {"ROC AUC", "average precision", "log loss"} <= tiles.keys()
    assert judged.trusts(part)


def test_shots_count_only_classes_with_a_test_picture(training_part: Callable[..., TrainingPart]) -> None:
    def row(shot: str, support: int) -> ClassScore:
        return ClassScore(label="x", support=support, precision=None, recall=None, f1=None, shot=shot)

    rows = [row("many", 9), row("many", 0), row("few", 2)]
    scores = training_part().scores.model_copy(update={"classes": rows, "shots": {"few": 0.25, "many": 0.9}})
    assert [(shot.name, shot.classes, shot.recall) for shot in judged.shots(scores)] == [
        ("many", 1, 0.9),
        ("few", 1, 0.25),
    ]


def test_thresholds_begin_with_what_never_answers() -> None:
    rows = judged.thresholds({"a": 0.5, "b": ALWAYS_ABSTAIN, "c": 0.875})
    assert [(row.label, row.confidence) for row in rows] == [("b", None), ("c", 0.875), ("a", 0.5)]


def test_one_line_of_figures(training_part: Callable[..., TrainingPart]) -> None:
    changes = {"macro_f1": 0.8124, "balanced_accuracy": 0.8, "calibration_error": 0.031, "shots": {"few": 0.611}}
    changes |= {"intervals": {"macro_f1": Interval(low=0.79, high=0.8341)}}
    scores = training_part().scores.model_copy(update=changes)
    assert judged.in_words(scores) == (
        "macro-F1 0.812 (0.790 to 0.834), balanced accuracy 0.800, few-shot 0.611, calibration error 0.031"
    )


@pytest.mark.parametrize(("number", "words"), [(1, "c0"), (2, "c0, c1"), (5, "c0, c1, c2 and 2 more")])
def test_absent_classes_are_bounded(number: int, words: str, training_part: Callable[..., TrainingPart]) -> None:
    scores = training_part().scores.model_copy(update={"absent": [f"c{i}" for i in range(number)]})
    assert judged.absent(scores, limit=3) == words
