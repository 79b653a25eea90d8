"""The gate: a clear winner goes through, everything else is refused with figures."""

import numpy as np
import pytest
from sklearn.metrics import f1_score

from nightsort.errors import DatasetError
from nightsort.evaluation.gate import judge

CLASSES = ["a", "b", "c"]
LABELS = np.repeat([0, 1, 2], [200, 80, 40]).astype(np.int64)


def model(accuracy, seed=0, labels=LABELS):
    """Probabilities of a model that is right this often and else names another class."""
    rng = np.random.default_rng(seed)
    wrong = (labels + rng.integers(1, 3, len(labels))) % 3
    predicted = np.where(rng.random(len(labels)) < accuracy, labels, wrong)
    return (np.eye(3)[predicted] * 0.7 + 0.1).astype(np.float32)


def decide(champion, challenger, labels=LABELS, loss=0.05, seed=0):
    return judge(champion, challenger, labels, CLASSES, loss, seed)


def test_a_clear_winner_is_promoted_with_figures():
    decision = decide(model(0.7), model(0.95, 1))
    assert decision.promoted
    assert 0 < decision.difference_low < decision.challenger_macro_f1 - decision.champion_macro_f1
    assert decision.difference_high > decision.challenger_macro_f1 - decision.champion_macro_f1
    assert f"{decision.champion_macro_f1:.3f} -> {decision.challenger_macro_f1:.3f} on 320 test" in decision.reason


def test_the_same_two_swapped_are_refused():
    decision = decide(model(0.95, 1), model(0.7))
    assert not decision.promoted
    assert decision.difference_high < 0
    assert decision.reason.startswith("not shown to be better")


def test_a_model_compared_with_itself_is_refused():
    decision = decide(model(0.9), model(0.9))
    assert not decision.promoted
    assert decision.difference_low == decision.difference_high == 0


@pytest.mark.parametrize("seed", range(5))
def test_equally_good_models_are_refused(seed):
    labels = np.repeat(LABELS, 2)
    champion, challenger = model(0.8, 100, labels), model(0.8, 200, labels)
    mirrored = np.concatenate([champion[::2], challenger[::2]]), np.concatenate([challenger[::2], champion[::2]])
    decision = decide(*mirrored, labels=np.concatenate([labels[::2]] * 2), seed=seed)
    assert not decision.promoted
    assert decision.difference_low < 0 < decision.difference_high


def test_a_collapsed_class_is_refused_though_the_mean_is_better():
    champion, challenger = model(0.55), model(1.0)
    champion[LABELS == 2] = np.eye(3, dtype=np.float32)[2]
    rows = np.flatnonzero(LABELS == 2)[:12]
    challenger[rows] = np.eye(3, dtype=np.float32)[0]
    decision = decide(champion, challenger)
    assert decision.difference_low > 0
    assert not decision.promoted
    assert "loses recall in c (1.000 -> 0.700 on 40), more than max_class_loss=0.05" in decision.reason
    assert decide(champion, challenger, loss=0.3).promoted


def test_a_champion_without_a_class_can_be_beaten():
    champion = model(0.9)
    champion[:, 2] = 0
    assert decide(champion, model(0.9, 1)).promoted


def test_figures_are_scikit_learns():
    decision = decide(model(0.7), model(0.95, 1))
    expected = f1_score(LABELS, model(0.95, 1).argmax(1), average="macro")
    assert decision.challenger_macro_f1 == pytest.approx(expected)


def test_the_interval_is_that_of_the_plain_bootstrap():
    champion, challenger = model(0.8).argmax(1), model(0.85, 1).argmax(1)
    rng = np.random.default_rng(9)
    differences = []
    for _ in range(400):
        rows = rng.integers(0, len(LABELS), len(LABELS))
        new, old = (f1_score(LABELS[rows], predicted[rows], average="macro") for predicted in (challenger, champion))
        differences.append(new - old)
    decision = decide(model(0.8), model(0.85, 1))
    assert decision.difference_low == pytest.approx(np.quantile(differences, 0.05), abs=0.012)
    assert decision.difference_high == pytest.approx(np.quantile(differences, 0.95), abs=0.012)


def test_the_first_champion_has_to_beat_guessing():
    assert decide(None, model(0.8)).promoted
    refused = decide(None, np.tile(np.eye(3, dtype=np.float32)[0], (len(LABELS), 1)))
    assert not refused.promoted
    assert refused.champion_macro_f1 is None
    assert "macro-F1 0.256 (low end " in refused.reason
    assert "guessing reaches 0.333, the majority class 0.256" in refused.reason


def test_predictions_that_ignore_the_picture_pass_as_rarely_as_the_quantile_says():
    shuffled = (np.random.default_rng(seed).permutation(LABELS) for seed in range(60))
    decisions = [decide(None, np.eye(3, dtype=np.float32)[predicted]) for predicted in shuffled]
    assert sum(decision.promoted for decision in decisions) <= 6
    assert np.mean([decision.challenger_macro_f1 for decision in decisions]) == pytest.approx(1 / 3, abs=0.01)


def test_the_seed_decides_the_interval():
    first, again, other = (decide(model(0.7), model(0.8, 1), seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first.difference_low != other.difference_low


@pytest.mark.parametrize("champion", [None, np.empty((0, 3), np.float32)])
def test_no_test_picture_is_refused(champion):
    with pytest.raises(DatasetError, match="test split: no picture to judge by"):
        decide(champion, np.empty((0, 3), np.float32), labels=np.empty(0, np.int64))
