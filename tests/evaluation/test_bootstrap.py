"""The bootstrap: as the plain one says, with any number of classes, the same for a seed."""

import numpy as np
import pytest
from sklearn.metrics import f1_score, recall_score

from nightsort.evaluation import bootstrap
from nightsort.evaluation.bootstrap import RESAMPLES, intervals, macro_f1, resampled

LABELS = np.repeat([0, 1, 2], [100, 40, 20])
PREDICTED = np.where(np.random.default_rng(0).random(160) < 0.8, LABELS, (LABELS + 1) % 4)  # 3 is nobody's class


def test_intervals_are_those_of_the_plain_bootstrap() -> None:
    rng, found = np.random.default_rng(3), intervals(LABELS, PREDICTED, seed=0)
    drawn = [rng.integers(0, 160, 160) for _ in range(300)]
    plain = {
        "accuracy": [(LABELS[rows] == PREDICTED[rows]).mean() for rows in drawn],
        "balanced_accuracy": [
            recall_score(LABELS[rows], PREDICTED[rows], labels=np.unique(LABELS[rows]), average="macro")
            for rows in drawn
        ],
        "macro_f1": [
            f1_score(LABELS[rows], PREDICTED[rows], labels=np.unique(LABELS[rows]), average="macro") for rows in drawn
        ],
    }
    assert found.keys() == plain.keys()
    for name, values in plain.items():
        assert (found[name].low, found[name].high) == pytest.approx(np.quantile(values, (0.025, 0.975)), abs=0.025)


def test_the_first_row_is_the_figure_itself() -> None:
    def figures(counts: np.ndarray, cells: np.ndarray) -> np.ndarray:
        return macro_f1(counts, cells[:, 0], cells[:, 1])[:, None]

    found = resampled(np.stack((LABELS, PREDICTED), 1), figures, seed=0)
    assert found.shape == (1 + RESAMPLES, 1)
    assert found[0, 0] == pytest.approx(f1_score(LABELS, PREDICTED, labels=[0, 1, 2], average="macro"))


def test_drawing_in_parts_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = intervals(LABELS, PREDICTED, seed=5)
    monkeypatch.setattr(bootstrap, "_AT_ONCE", 500)
    assert intervals(LABELS, PREDICTED, seed=5) == whole
    assert intervals(LABELS, PREDICTED, seed=6) != whole


def test_a_thousand_classes_with_a_picture_or_two() -> None:
    labels = np.arange(1500) % 1000
    predicted = np.where(np.arange(1500) % 3 == 0, labels, (labels + 7) % 1000)
    spans = intervals(labels, predicted, seed=0)
    assert spans["accuracy"].low < 1 / 3 < spans["accuracy"].high
    assert all(0 <= span.low < span.high <= 1 for span in spans.values())
