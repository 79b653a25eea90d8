"""The gate: a clear winner goes through, everything else is refused with figures."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from nightsort.config.gate import GateParams
from nightsort.errors import DatasetError
from nightsort.evaluation.gate import Contest, judge, with_check
from nightsort.evaluation.scores import Check

CLASSES = ["a", "b", "c"]
LABELS = np.repeat([0, 1, 2], [200, 80, 40]).astype(np.int64)


def model(accuracy, seed=0, labels=LABELS):
    """Probabilities of a model that is right this often and else names another class."""
    rng = np.random.default_rng(seed)
    wrong = (labels + rng.integers(1, 3, len(labels))) % 3
    predicted = np.where(rng.random(len(labels)) < accuracy, labels, wrong)
    return (np.eye(3)[predicted] * 0.7 + 0.1).astype(np.float32)


def decide(champion, challenger, labels=LABELS, frozen=None, seed=0, **knobs):
    frozen = np.ones(len(labels), np.bool_) if frozen is None else frozen
    return judge(champion, challenger, Contest(labels, CLASSES, frozen), GateParams(**knobs), seed)


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
    assert decide(champion, challenger, max_class_loss=0.3).promoted


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


def test_the_seed_decides_the_intervals_of_the_slices_too():
    frozen = np.arange(len(LABELS)) % 3 > 0
    first, again = (decide(model(0.8), model(0.85, 1), frozen=frozen) for _ in range(2))
    assert len(first.slices) == 2 and first.slices == again.slices
    assert decide(model(0.8), model(0.85, 1), frozen=frozen, seed=1).slices != first.slices


def test_the_same_answers_are_a_condition_of_their_own():
    passed = {check.name: check.passed for check in decide(model(0.9), model(0.9)).checks}
    assert not passed["other answers"]


@pytest.mark.parametrize(("lost", "passed"), [(4, True), (5, False)])
def test_of_a_slice_fewer_than_five_pictures_decide_nothing(lost, passed):
    frozen = np.arange(len(LABELS)) % 8 > 0
    champion = (np.eye(3)[LABELS] * 0.7 + 0.1).astype(np.float32)
    challenger = champion.copy()
    challenger[np.flatnonzero(~frozen)[:lost]] = [0.1, 0.1, 0.8]
    decision = decide(champion, challenger, frozen=frozen)
    assert decision.slices[1].difference_high < 0
    assert {check.name: check.passed for check in decision.checks}["newest pictures"] == passed


@pytest.mark.parametrize("champion", [None, np.empty((0, 3), np.float32)])
def test_no_test_picture_is_refused(champion):
    with pytest.raises(DatasetError, match="test split: no picture to judge by"):
        decide(champion, np.empty((0, 3), np.float32), labels=np.empty(0, np.int64))


def lines(decision):
    """The figures of each condition, of those that failed."""
    return {check.name: check.line for check in decision.checks if not check.passed}


def test_every_condition_is_told_and_those_that_failed_come_first():
    champion, challenger = model(0.95, 1), model(0.7)
    decision = decide(champion, challenger)
    names = [check.name for check in decision.checks]
    assert set(names) == {"better", "every class", "calibration", "other answers"}
    assert names[: len(lines(decision))] == list(lines(decision)) and "better" in lines(decision)
    assert decision.reason == "; ".join(lines(decision).values())


def test_better_by_less_than_the_margin_is_refused():
    assert decide(model(0.7), model(0.95, 1), margin=0.1).promoted
    decision = decide(model(0.7), model(0.95, 1), margin=0.5)
    assert list(lines(decision)) == ["better"] and "the low end must be above 0.5" in decision.reason


def test_mcnemars_p_is_that_of_the_pictures_on_which_both_differ():
    champion, challenger = model(1.0), model(1.0)
    champion[:6] = champion[6:12, ::-1]
    challenger[6:8] = challenger[8:10, ::-1]
    assert "McNemar p 0.29" in decide(champion, challenger).checks[0].line  # 6 against 2: 2 * 37 / 256


def test_worse_on_the_frozen_pictures_is_refused_though_better_on_all():
    frozen = np.arange(len(LABELS)) % 4 == 0
    champion, challenger = model(0.55), model(0.95, 1)
    champion[frozen] = model(0.97, 2)[frozen]
    challenger[frozen] = model(0.75, 3)[frozen]
    decision = decide(champion, challenger, frozen=frozen, max_class_loss=1.0)
    assert decision.difference_low > 0 and not decision.promoted
    assert list(lines(decision)) == ["frozen pictures"]
    assert decision.reason.startswith("worse on the frozen pictures: macro-F1")
    slices = {part.name: part for part in decision.slices}
    assert [slices[name].pictures for name in ("frozen", "newest")] == [80, 240]
    assert slices["frozen"].difference_high < 0 < slices["newest"].difference_low


def test_a_single_picture_of_a_slice_does_not_decide():
    frozen = np.arange(len(LABELS)) > 0
    champion, challenger = model(0.7), model(0.95, 1)
    champion[0], challenger[0] = np.eye(3, dtype=np.float32)[[0, 1]]
    decision = decide(champion, challenger, frozen=frozen)
    assert decision.promoted and {part.name: part.difference_high for part in decision.slices}["newest"] == -1


def test_broken_calibration_is_refused_though_the_answers_are_better():
    doubting = (model(0.95, 1) + 2).astype(np.float32)
    decision = decide(model(0.7), doubting / doubting.sum(1, keepdims=True))
    assert (
        list(lines(decision)) == ["calibration"] and "worse by more than max_calibration_loss=0.05" in decision.reason
    )


def test_what_does_not_hang_on_the_answers_counts_as_well():
    slow = Check(name="speed", passed=False, line="takes for ever")
    contest = Contest(LABELS, CLASSES, np.ones(len(LABELS), np.bool_))
    for champion in (None, model(0.7)):
        decision = judge(champion, model(0.95, 1), contest, GateParams(), 0, [slow])
        assert not decision.promoted and decision.checks[0] == slow
        assert decision.reason.startswith("takes for ever; ")
        late = with_check(judge(champion, model(0.95, 1), contest, GateParams(), 0), slow)
        assert late == decision


def test_a_first_model_that_is_refused_is_told_what_to_do():
    few = np.repeat([0, 1, 2], 3).astype(np.int64)
    assert "take in more labelled pictures" in decide(None, model(0.6, 4, few), labels=few).reason
    assert "look at the labels (nightsort audit)" in decide(None, model(0.2)).reason


@given(st.integers(0, 2**31), st.floats(0.3, 1), st.floats(0.3, 1), st.integers(6, 60), st.floats(0, 1))
@settings(max_examples=25)
def test_two_models_never_beat_each_other(seed, one, other, pictures, share):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, pictures)
    frozen = rng.random(pictures) < share
    first, second = model(one, seed, labels), model(other, seed + 1, labels)
    decisions = [decide(*pair, labels, frozen, seed) for pair in ((first, second), (second, first))]
    assert sum(decision.promoted for decision in decisions) <= 1
    assert not decide(first, first, labels, frozen, seed).promoted


@given(st.integers(0, 2**31), st.floats(0.3, 1), st.integers(6, 60), st.integers(0, 20))
@settings(max_examples=25)
def test_a_model_that_only_unlearned_is_never_promoted(seed, accuracy, pictures, unlearned):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, pictures)
    champion = model(accuracy, seed, labels)
    challenger = champion.copy()
    right = np.flatnonzero(champion.argmax(1) == labels)
    rows = rng.permutation(right)[:unlearned]
    challenger[rows] = np.roll(champion[rows], 1, axis=1)
    f1 = [
        f1_score(labels, said.argmax(1), labels=range(3), average=None, zero_division=0)
        for said in (champion, challenger)
    ]
    assert (f1[1] <= f1[0] + 1e-12).all()
    assert not decide(champion, challenger, labels, seed=seed).promoted
