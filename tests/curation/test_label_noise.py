"""Labels changed on purpose are found among real pictures, far more often than by chance."""

import sys
from functools import cache

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from nightsort.curation.embedding import describe
from nightsort.curation.label_noise import FOLDS, Suspects, find_suspects, require
from nightsort.errors import ConfigError

pytest.importorskip("cleanlab")

PICTURES = 450


@cache
def digits() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Embeddings and classes of handwritten digits."""
    data = load_digits()
    order = np.random.default_rng(0).permutation(len(data.target))[:PICTURES]
    grey = [cv2.resize((data.images[i] * 15).astype(np.uint8), (32, 32), interpolation=cv2.INTER_CUBIC) for i in order]
    rows = describe(np.stack([cv2.cvtColor(image, cv2.COLOR_GRAY2RGB) for image in grey]))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True), data.target[order].astype(np.int64)


def alone(count: int) -> NDArray[np.int64]:
    """Each picture its own group."""
    return np.arange(count, dtype=np.int64)


@cache
def planted() -> tuple[NDArray[np.int64], NDArray[np.bool_], Suspects]:
    """Labels of which one in twenty was changed, which ones, and what is suspected."""
    rows, truth = digits()
    rng = np.random.default_rng(1)
    changed = rng.random(len(truth)) < 0.05
    labels = np.where(changed, (truth + rng.integers(1, 10, len(truth))) % 10, truth)
    return labels, changed, find_suspects(rows, labels, alone(len(labels)), seed=0)


def test_planted_labels_are_found_and_few_others() -> None:
    _, changed, suspects = planted()
    precision = changed[suspects.rows].mean()
    recall = len(suspects.rows[changed[suspects.rows]]) / changed.sum()
    assert precision > 0.7 and recall > 0.7  # by chance the precision is the share of the changed, 0.05
    assert changed[suspects.rows[:10]].all()  # the most suspect first


def test_the_class_before_the_change_is_suggested() -> None:
    labels, changed, suspects = planted()
    right = changed[suspects.rows]
    truth = digits()[1][suspects.rows[right]]
    assert (suspects.suggested[right] == truth).mean() > 0.9
    assert np.all(suspects.suggested != labels[suspects.rows])
    assert np.all(np.diff(suspects.confidence) >= 0)


def test_true_labels_are_hardly_suspected() -> None:
    rows, truth = digits()
    assert len(find_suspects(rows, truth, alone(len(truth)), seed=0).rows) < 0.02 * len(truth)


def test_shuffled_labels_are_no_evidence_of_which_is_wrong() -> None:
    """Where the label says nothing of the picture, being suspected says little of being wrong."""
    rows, truth = (array[:200] for array in digits())
    labels = np.random.default_rng(2).permutation(truth)
    suspects = find_suspects(rows, labels, alone(len(labels)), seed=0)
    wrong = labels != truth
    assert abs(wrong[suspects.rows].mean() - wrong.mean()) < 0.08


def test_a_twin_with_the_same_wrong_label_is_no_witness() -> None:
    rows, truth = digits()
    labels, groups = truth.copy(), alone(len(truth))
    copies = np.flatnonzero(truth == 3)[:20]
    rows, labels = np.concatenate([rows, rows[copies]]), np.concatenate([labels, labels[copies]])
    labels[copies], labels[len(truth) :] = 8, 8
    groups = np.concatenate([groups, groups[copies]])
    planted_rows = {*copies, *range(len(truth), len(labels))}
    apart = set(find_suspects(rows, labels, groups, seed=0).rows) & planted_rows
    together = set(find_suspects(rows, labels, alone(len(labels)), seed=0).rows) & planted_rows
    assert len(apart) > len(together)


def test_a_class_of_few_groups_is_left_out() -> None:
    rows, labels = (array[:200].copy() for array in digits())
    groups = alone(200)
    few = np.flatnonzero(labels == 4)
    groups[few] = few[0] + np.arange(len(few)) % (FOLDS - 1)  # many pictures of a few groups
    steps: list[int] = []
    suspects = find_suspects(rows, labels, groups, seed=0, on_progress=steps.append)
    assert not set(suspects.rows) & set(few) and 4 not in suspects.suggested
    assert sum(steps) == FOLDS


def test_one_class_is_nothing_to_compare() -> None:
    rows = digits()[0][:20]
    assert len(find_suspects(rows, np.zeros(20, np.int64), alone(20), seed=0).rows) == 0


def test_without_cleanlab_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cleanlab", None)
    monkeypatch.setattr("nightsort.curation.label_noise.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install 'nightsort\[label-noise\]'"):
        require()
