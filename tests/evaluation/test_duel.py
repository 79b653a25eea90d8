"""Two models on the same test pictures: whose answers stand where, and what is counted of them."""

from collections.abc import Callable

import numpy as np
import pytest

from nightsort.errors import DatasetError
from nightsort.evaluation import duel as subject
from nightsort.evaluation import evidence
from nightsort.evaluation.duel import answered, duel
from nightsort.evaluation.metrics import evaluate
from nightsort.evaluation.rival import Answers
from nightsort.learning.card import Card
from nightsort.storage import Storage

CARDS = {
    3: Card.model_construct(classes=["nut", "bolt"], abstain_below=0.5, thresholds={}),
    5: Card.model_construct(classes=["bolt", "ring"], abstain_below=0.5, thresholds={"ring": 0.8}),
}
CLASSES = ["nut", "bolt", "ring"]
LABELS = np.array([0, 0, 0, 1, 1, 2], np.int64)
IDS = list("abcdef")


def sure(*said: tuple[int, float]) -> np.ndarray:
    """Probabilities of a model that says this of each picture, with this confidence, float32 (N, 3)."""
    rows = np.array([[(1 - confidence) / 2] * 3 for _, confidence in said], np.float32)
    for row, (c, confidence) in zip(rows, said, strict=True):
        row[c] = confidence
    return rows


SAYS = {
    3: sure((0, 0.9), (0, 0.8), (0, 0.7), (0, 0.6), (1, 0.4), (0, 0.9)),  # four right, alone on the third
    5: sure((0, 0.9), (0, 0.8), (1, 0.5), (1, 0.6), (1, 0.7), (2, 0.75)),  # five right, alone on the fourth and last
}


def tick(count: int) -> None:
    """Hears how many pictures were answered."""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, storage: Storage) -> list[tuple[object, ...]]:
    """What the models are asked; the test split of dataset version 7 has eight pictures, of six their classes."""
    questions: list[tuple[object, ...]] = []

    def answers(root: Storage, version: int, *words: object) -> Answers:
        questions.append((root, version, *words))
        return Answers(SAYS[version], LABELS, IDS)

    class Split:
        """The dataset of the root."""

        def __init__(self, root: Storage) -> None:
            assert root is storage

        def fingerprints(self, version: int, split: str) -> list[str]:
            return {(7, "test"): [*IDS, "g", "h"]}[version, split]

    cards: Callable[..., Card] = lambda root, version: {storage: CARDS}[root][version]  # noqa: E731
    monkeypatch.setattr(subject, "load_card", cards)
    monkeypatch.setattr(subject, "answers", answers)
    monkeypatch.setattr(subject, "Dataset", Split)
    return questions


def test_both_are_asked_of_the_same_pictures_and_the_classes_of_either(
    asked: list[tuple[object, ...]], storage: Storage
) -> None:
    found = duel(storage, (3, 5), 7, tick)
    assert asked == [(storage, 3, 7, CLASSES, tick), (storage, 5, 7, CLASSES, tick)]
    assert (found.classes, found.sha256s, found.labels.tolist()) == (CLASSES, IDS, LABELS.tolist())
    assert np.array_equal(found.probabilities[0], SAYS[3]) and np.array_equal(found.probabilities[1], SAYS[5])


def test_nobody_need_hear_how_far_it_is(asked: list[tuple[object, ...]], storage: Storage) -> None:
    duel(storage, (3, 5), 7)
    assert asked[0][-1](6) is None  # type: ignore[operator]


def test_what_only_one_gets_right_is_counted_and_both_are_scored(
    asked: list[tuple[object, ...]], storage: Storage
) -> None:
    found = duel(storage, (3, 5), 7)
    assert found.only == (1, 2) and found.unknown == 2
    assert found.scores == tuple(evaluate(SAYS[version], LABELS, CLASSES) for version in (3, 5))
    first, second = SAYS[3].argmax(1), SAYS[5].argmax(1)
    assert found.macro_f1 == evidence.compared("all", LABELS, first, second, seed=7)
    assert found.macro_f1.champion_macro_f1 == pytest.approx(found.scores[0].macro_f1)
    assert found.p_value == 1.0  # two of three: no more than a coin
    assert found.p_value == evidence.mcnemar(LABELS, first, second)


def test_one_that_is_right_eight_times_alone_is_no_coin(
    asked: list[tuple[object, ...]], storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    says = {3: sure(*[(1, 0.9)] * 8), 5: sure(*[(0, 0.9)] * 8)}
    nuts = np.zeros(8, np.int64)
    monkeypatch.setattr(subject, "answers", lambda root, version, *_: Answers(says[version], nuts, [*IDS, "g", "h"]))
    assert duel(storage, (3, 5), 7).p_value == pytest.approx(2 / 2**8)


def test_models_that_know_no_class_of_the_split_are_refused(
    asked: list[tuple[object, ...]], storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject, "answers", lambda *words: Answers(np.empty((0, 3), np.float32), LABELS[:0], []))
    with pytest.raises(DatasetError) as caught:
        duel(storage, (3, 5), 7)
    assert str(caught.value) == (
        "test split of dataset version 7: has no picture of a class that model 3 or 5 knows; ingest labelled pictures"
    )


def test_each_says_of_a_picture_what_it_is_how_sure_it_is_and_whether_that_is_enough(
    asked: list[tuple[object, ...]], storage: Storage
) -> None:
    table = answered(duel(storage, (3, 5), 7), (CARDS[3], CARDS[5]))
    assert table["confidence"].type == table["confidence_second"].type == "float"
    assert table["confidence"].to_pylist() == pytest.approx([0.9, 0.8, 0.7, 0.6, 0.4, 0.9])
    assert table["confidence_second"].to_pylist() == pytest.approx([0.9, 0.8, 0.5, 0.6, 0.7, 0.75])
    assert table.drop_columns(["confidence", "confidence_second"]).to_pydict() == {
        "sha256": IDS,
        "truth": ["nut", "nut", "nut", "bolt", "bolt", "ring"],
        "label": ["nut", "nut", "nut", "nut", "bolt", "nut"],
        "abstained": [False] * 4 + [True, False],
        "label_second": ["nut", "nut", "bolt", "bolt", "bolt", "ring"],
        "abstained_second": [False] * 5 + [True],
    }
    with pytest.raises(ValueError, match="zip"):
        answered(duel(storage, (3, 5), 7), (CARDS[3],))  # type: ignore[arg-type]
