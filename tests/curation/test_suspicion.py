"""Wrong labels and one picture a hundred times are seen; clean labels and corrections never are."""

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from nightsort.curation.suspicion import MANY, Lot, Usual, denials, lots, most_repeated, oddest, usual

CLASSES = 10
MOST = 0.05


def answers(
    count: int, rng: np.random.Generator, skill: float = 0.95, sure: float = 0.8
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Calibrated probabilities of a model, and the true classes: sure of a share of the pictures, right as it says."""
    truth = rng.integers(0, CLASSES, count)
    confidence = np.where(rng.random(count) < sure, rng.uniform(0.92, 1.0, count) * skill / 0.95, 0.6)
    said = np.where(rng.random(count) < confidence, truth, (truth + rng.integers(1, CLASSES, count)) % CLASSES)
    probabilities = np.repeat(((1 - confidence) / (CLASSES - 1))[:, None], CLASSES, axis=1)
    probabilities[np.arange(count), said] = confidence
    return probabilities.astype(np.float32), truth


def flipped(labels: NDArray[np.int64], share: float, rng: np.random.Generator) -> NDArray[np.int64]:
    """Labels of which a share is another class, drawn at random."""
    wrong = rng.random(len(labels)) < share
    return np.where(wrong, (labels + rng.integers(1, CLASSES, len(labels))) % CLASSES, labels)


def judged(
    labels: NDArray[np.int64], probabilities: NDArray[np.float32], expected: Usual, names: list[str] | None = None
) -> Lot | None:
    """The oddest lot of labels, all of one lot unless they are named."""
    found = lots(denials(probabilities, labels), names or ["run"] * len(labels), expected)
    return oddest(found, MOST)


def test_a_label_is_denied_where_the_model_is_sure_of_another_class() -> None:
    probabilities = np.array([[0.95, 0.05, 0.0], [0.95, 0.04, 0.01], [0.6, 0.4, 0.0]], np.float32)
    assert denials(probabilities, np.array([0, 1, 2])).tolist() == [False, True, False]
    assert denials(probabilities, np.array([2, 0, 1])).tolist() == [True, False, False]


@pytest.mark.parametrize("sure", [0.9, 0.3])
def test_one_label_in_ten_wrong_is_found_and_measured(sure: float) -> None:
    rng = np.random.default_rng(0)
    expected = usual(*answers(1000, rng, sure=sure))
    probabilities, truth = answers(4000, rng, sure=sure)
    odd = judged(flipped(truth, 0.1, rng), probabilities, expected)
    assert odd is not None and odd.name == "" and odd.pictures == 4000
    assert 0.06 < odd.wrong < 0.14


@pytest.mark.parametrize(("tested", "arrived"), [(40, 1000), (300, 40), (300, 1000)])
def test_two_hundred_clean_lots_are_never_odd(tested: int, arrived: int) -> None:
    rng = np.random.default_rng(1)
    for _ in range(200):
        expected = usual(*answers(tested, rng))
        probabilities, truth = answers(arrived, rng)
        assert judged(truth, probabilities, expected) is None


def test_a_poisoned_lot_does_not_hide_among_clean_ones() -> None:
    rng = np.random.default_rng(2)
    expected = usual(*answers(300, rng))
    probabilities, truth = answers(3000, rng)
    labels = truth.copy()
    labels[:300] = flipped(truth[:300], 0.2, rng)
    names = ["bad"] * 300 + ["good"] * 2700
    odd = judged(labels, probabilities, expected, names)
    assert odd is not None and odd.name == "bad"
    assert judged(labels, probabilities, expected) is None  # on the whole they are few


def test_corrections_where_the_model_was_unsure_pass() -> None:
    rng = np.random.default_rng(3)
    expected = usual(*answers(300, rng))
    probabilities, truth = answers(6000, rng)
    unsure = np.argsort(np.sort(probabilities)[:, -1] - np.sort(probabilities)[:, -2], kind="stable")[:300]
    assert (probabilities[unsure].argmax(1) != truth[unsure]).mean() > 0.3
    assert judged(truth[unsure], probabilities[unsure], expected) is None


def test_without_a_test_picture_nothing_is_expected_to_go_well() -> None:
    rng = np.random.default_rng(4)
    probabilities, truth = answers(200, rng)
    assert judged(flipped(truth, 0.1, rng), probabilities, Usual(0, 0, 0)) is None
    assert judged(truth[:0], probabilities[:0], Usual(0, 0, 0)) is None


def hashes(rows: list[tuple[str, int]]) -> pa.Table:
    """Pictures with a label, and the same number for all three hashes."""
    names = [f"{place:064x}" for place in range(len(rows))]
    labels, values = [label for label, _ in rows], pa.array([value for _, value in rows], pa.int64())
    columns = {"sha256": names, "label": labels, "phash": values, "dhash": values, "dhash_vertical": values}
    return pa.table(columns)


def test_one_picture_that_makes_up_a_class_is_found() -> None:
    rng = np.random.default_rng(5)
    one = int(rng.integers(2**62))
    copies = [("red", one ^ (1 << int(bit))) for bit in rng.integers(0, 60, 150)]  # each differs from it in one bit
    others = [(label, int(value)) for label in ("red", "blue") for value in rng.integers(1, 2**62, MANY)]
    found = most_repeated(hashes(others[:5] + copies + others[5:]), radius=2)
    assert found is not None and found.label == "red"
    assert (found.pictures, found.of) == (150, 250) and found.too_often
    diverse = most_repeated(hashes(others), radius=2)
    assert diverse is not None and not diverse.too_often


def test_a_walk_is_not_one_picture() -> None:
    """Each frame is near the next, and none is near most."""
    walk, value = [], 2**61 + 1
    for step in range(MANY):
        value ^= 1 << (step * 7 % 60)
        walk.append(("street", value))
    found = most_repeated(hashes(walk), radius=2)
    assert found is not None and 1 < found.pictures < 20 and not found.too_often


def test_few_pictures_of_a_class_are_not_looked_at() -> None:
    assert most_repeated(hashes([("red", 7)] * (MANY - 1)), radius=2) is None
    assert most_repeated(hashes([("red", 0)] * MANY), radius=2) is None  # without texture
