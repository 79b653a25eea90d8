"""What the sections show: sums that hold, bounds that count what they leave out."""

from collections.abc import Callable

import pytest

from nightsort.evaluation.scores import ClassScore, Decision, Scores
from nightsort.reports import sections
from nightsort.reports.data import Report
from nightsort.reports.learned import TrainingPart


def scores_of(confusion: list[list[int]]) -> Scores:
    """Scores around a confusion matrix; the figures are not looked at."""
    labels = [f"c{i}" for i in range(len(confusion))]
    classes = [ClassScore(label=label, support=1, precision=None, recall=None, f1=None) for label in labels]
    return Scores(
        pictures=sum(map(sum, confusion)), accuracy=0, balanced_accuracy=0, macro_f1=0, calibration_error=0,
        classes=classes, confusion=confusion,
    )  # fmt: skip


def test_outcomes_sum_to_the_discovered(classified_report: Callable[..., Report]) -> None:
    report = classified_report()
    rows = sections.outcomes(report)
    assert sum(row.count for row in rows) == report.intake.tally.discovered
    assert [row.word for row in rows] == ["classified", "quarantined", "duplicate", "deferred", "skipped"]


def test_done_is_called_ingested_in_an_ingest(ingested_report: Callable[..., Report]) -> None:
    assert sections.outcomes(ingested_report())[0].word == "ingested"


def test_imbalance_ignores_empty_classes() -> None:
    assert sections.imbalance([400, 20, 0]) == "20:1"
    assert sections.imbalance([0]) == ""


def test_small_matrix_is_shown_whole() -> None:
    table = sections.matrix(scores_of([[8, 2], [0, 5]]))
    assert table.labels == ["c0", "c1"] and table.folded == 0
    assert [[cell.count for cell in row] for row in table.rows] == [[8, 2], [0, 5]]
    assert table.rows[0][1].share == pytest.approx(0.2)
    assert [cell.right for cell in table.rows[1]] == [False, True]


def test_large_matrix_folds_the_classes_with_fewest_mistakes() -> None:
    size = sections.MAX_MATRIX + 10
    confusion = [[9 if i == j else 0 for j in range(size)] for i in range(size)]
    for i in range(5, 5 + sections.MAX_MATRIX):
        confusion[i][(i + 1 - 5) % sections.MAX_MATRIX + 5] = 3
    table = sections.matrix(scores_of(confusion))
    assert table.labels == [f"c{i}" for i in range(5, 5 + sections.MAX_MATRIX)] + ["other classes"]
    assert table.folded == 10
    assert sum(cell.count for row in table.rows for cell in row) == sum(map(sum, confusion))
    assert table.rows[-1][-1].count == 90


def test_a_folded_matrix_keeps_its_names_and_its_sum() -> None:
    scores = scores_of([[5, 1, 2], [0, 3, 0], [4, 0, 90]])
    scores.classes = [ClassScore(label=f"c{i}", support=1, precision=None, recall=None, f1=None) for i in range(40)]
    scores.confused = ["c7", "c31"]
    table = sections.matrix(scores)
    assert table.labels == ["c7", "c31", "other classes"] and table.folded == 38
    assert [[cell.count for cell in row] for row in table.rows] == scores.confusion
    assert [(m.truth, m.taken_for, m.count) for m in sections.mistakes(scores)] == [("c7", "c31", 1)]


def test_mistakes_come_most_frequent_first() -> None:
    found = sections.mistakes(scores_of([[5, 1, 0], [4, 6, 0], [0, 2, 8]]))
    assert [(m.truth, m.taken_for, m.count) for m in found] == [("c1", "c0", 4), ("c2", "c1", 2), ("c0", "c1", 1)]
    assert found[0].share == pytest.approx(0.4)


def test_beyond_the_bound_the_weakest_classes_are_listed() -> None:
    scores = scores_of([[1]])
    scores.classes = [
        ClassScore(label=f"c{i:03d}", support=1, precision=1, recall=1, f1=None if i == 0 else i / 100)
        for i in range(sections.MAX_CLASSES + 5)
    ]
    rows = sections.listed(scores)
    assert len(rows) == sections.MAX_CLASSES
    assert rows[0].label == "c001" and all(row.f1 is not None for row in rows)


@pytest.mark.parametrize(("low", "high"), [(0.01, 0.03), (-0.02, 0.01), (-0.03, -0.01), (0.0, 0.0)])
def test_interval_and_zero_lie_on_the_axis(low: float, high: float) -> None:
    decision = Decision(promoted=False, reason="", challenger_macro_f1=0.5, difference_low=low, difference_high=high)
    span = sections.interval(decision)
    assert 0 <= span.left <= span.left + span.width <= 100 and 0 < span.zero < 100
    assert (span.left > span.zero) == (low > 0) and (span.left + span.width < span.zero) == (high < 0)


def test_no_interval_without_a_champion(training_part: Callable[..., TrainingPart]) -> None:
    decision = training_part().decision.model_copy(update={"difference_low": None, "difference_high": None})
    assert sections.interval(decision) is None


@pytest.mark.parametrize(
    ("paths", "folder"),
    [
        (["/a/b/x.png", "/a/b/c/y.png"], "/a/b/"),
        (["/a/b/x.png", "/a/bc/y.png"], "/a/"),
        (["s3://night/1/x.png", "s3://night/2/x.png"], "s3://night/"),
        (["/x.png", "/y.png"], ""),
        (["x.png"], ""),
        ([], ""),
    ],
)
def test_common_folder(paths: list[str], folder: str) -> None:
    assert sections.common_folder(paths) == folder
