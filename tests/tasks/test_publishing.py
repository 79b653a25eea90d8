"""What a model is asked before it is published, beside the test split: thresholds and robustness, where wanted."""

from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from nightsort.config.training import JudgedParams
from nightsort.evaluation import thresholds
from tasks import publishing

CLASSES = ["bolt", "nut"]
LABELS = np.repeat([0, 1], [30, 20])
SAID = np.random.default_rng(0).dirichlet([1, 1], 50).astype(np.float32)
LESSON: Any = SimpleNamespace(
    classes=CLASSES, dataset_version=7, test="test split", validation=SimpleNamespace(images="pictures", labels=LABELS)
)
FITTED: Any = SimpleNamespace(model="network", temperature=2.0)


def params(**wanted: Any) -> JudgedParams:
    return JudgedParams(storage="anywhere", abstain_below=0.4, **wanted)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What the network is asked."""
    questions: list[tuple[Any, ...]] = []

    def probabilities(*words: Any) -> np.ndarray:
        questions.append(words)
        return SAID

    monkeypatch.setattr(publishing, "probabilities", probabilities)
    return questions


def test_thresholds_are_of_the_validation_split_alone(asked: list[tuple[Any, ...]]) -> None:
    assert publishing._thresholds(params(), LESSON, FITTED) == ({}, []) and asked == []
    found = publishing._thresholds(params(target_precision=0.7), LESSON, FITTED)
    assert found == thresholds.for_precision(SAID, LABELS, CLASSES, 0.7, 0.4) and set(found[0]) == set(CLASSES)
    assert asked == [("network", "pictures", 2.0)]


def test_robustness_is_measured_on_the_test_split_where_it_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Any] = []

    @contextmanager
    def progress(what: str, total: int | None) -> Any:
        told.append((what, total))
        yield lambda *_, **__: None

    monkeypatch.setattr(publishing, "progress", progress)
    monkeypatch.setattr(publishing, "measure", lambda model, split, version, advance: (model, split, version))
    assert publishing._robustness(params(), LESSON, FITTED) is None and told == []
    assert publishing._robustness(params(robustness=True), LESSON, FITTED) == ("network", "test split", 7)
    assert told == [("measuring robustness", None)]
