"""What each strategy of balancing plans; what they all keep to is in test_contract."""

from typing import get_args

import numpy as np
import pytest

from nightsort.balance.plan import check, count, deferred, make_plan, progress, second_phase
from nightsort.errors import ConfigError, DatasetError
from nightsort.words import Balance

CLASSES = ["common", "rare", "single"]
LABELS = np.array([0] * 20 + [1] * 6 + [2], dtype=np.int64)[np.random.default_rng(3).permutation(27)]


def drawn(strategy: Balance, epoch: int = 1, epochs: int = 10) -> list[int]:
    """Rows per class of one epoch."""
    plan = make_plan(strategy, LABELS, CLASSES)
    return np.bincount(plan.extended[plan.rows(epoch, epochs, seed=0)], minlength=3).tolist()


@pytest.mark.parametrize(
    ("strategy", "rows", "targets", "after"),
    [
        ("none", [20, 6, 1], [20, 6, 1], [20, 6, 1]),
        ("class_weights", [20, 6, 1], [20, 6, 1], [9, 9, 9]),
        ("balanced_softmax", [20, 6, 1], [20, 6, 1], [9, 9, 9]),
        ("logit_adjustment", [20, 6, 1], [20, 6, 1], [9, 9, 9]),
        ("focal", [20, 6, 1], [20, 6, 1], [20, 6, 1]),
        ("oversampling", [9, 9, 9], [20, 20, 20], [9, 9, 9]),
        ("deferred_sampling", [20, 6, 1], [20, 20, 20], [9, 9, 9]),
        ("undersampling", [1, 1, 1], [1, 1, 1], [1, 1, 1]),
        ("square_root_sampling", [15, 8, 4], [15, 8, 4], [15, 8, 4]),  # in proportion to 4.47, 2.45 and 1
        ("smote", [20, 6, 1], [20, 20, 20], [20, 20, 20]),
        ("pixel_smote", [9, 9, 9], [20, 20, 20], [9, 9, 9]),
    ],
)
def test_what_is_drawn_wanted_and_seen(
    strategy: Balance, rows: list[int], targets: list[int], after: list[int]
) -> None:
    plan = make_plan(strategy, LABELS, CLASSES)
    assert drawn(strategy) == rows
    assert plan.targets == dict(enumerate(targets))
    assert plan.after.tolist() == after


def test_deferred_sampling_is_natural_until_four_fifths_of_the_epochs_are_done() -> None:
    assert [drawn("deferred_sampling", epoch)[2] for epoch in range(1, 11)] == [1] * 8 + [9] * 2
    assert [drawn("deferred_sampling", epoch, 5)[2] for epoch in range(1, 6)] == [1] * 4 + [9]
    assert [progress(epoch, 5) for epoch in (1, 5)] == [0.0, 0.8]


def test_what_an_epoch_leaves_out_comes_in_later_ones() -> None:
    plan = make_plan("undersampling", LABELS, CLASSES)
    seen = {row for epoch in range(1, 300) for row in plan.rows(epoch, 300, seed=0).tolist()}
    assert seen == set(range(27))
    assert plan.notes == [
        "undersampling: an epoch draws 3 of 27 pictures, 1 of each class as of the rarest, single; other ones in "
        "every epoch"
    ]


def test_a_class_whose_only_picture_cannot_be_mixed_is_noted() -> None:
    notes = make_plan("pixel_smote", LABELS, CLASSES).notes
    assert notes == ["pixel_smote: one training picture of single; it is repeated, not mixed"]


def test_all_pictures_that_cannot_be_mixed_are_noted_beside_a_pair_that_can() -> None:
    plan = make_plan("pixel_smote", np.array([0, 0, 1, 2]), CLASSES)
    assert plan.notes == ["pixel_smote: one training picture of rare, single; it is repeated, not mixed"]
    assert make_plan("pixel_smote", np.array([0, 1, 2]), CLASSES).notes == []


def test_an_epoch_holds_all_of_a_class_before_any_of_it_again() -> None:
    plan = make_plan("oversampling", LABELS, CLASSES)
    for epoch in range(1, 9):
        times = np.bincount(plan.rows(epoch, 8, seed=0), minlength=27)
        for c in range(3):
            assert np.ptp(times[c == LABELS]) <= 1


def test_weights_are_inverse_frequencies_or_their_effective_number() -> None:
    inverse, effective = (make_plan(s, LABELS, CLASSES).weights for s in ("class_weights", "effective_number"))
    assert (inverse * [20, 6, 1]).tolist() == pytest.approx([9, 9, 9])
    number = (1 - 0.9999 ** np.array([20, 6, 1])) / (1 - 0.9999)
    assert effective / effective[2] == pytest.approx(number[2] / number, rel=1e-4)
    many = make_plan("effective_number", np.repeat([0, 1], [40_000, 400]), ["a", "b"]).weights
    assert many[1] / many[0] == pytest.approx(25.04, abs=0.1), "new pictures of a common class say little new"


@pytest.mark.parametrize(
    ("word", "near"),
    [("smot", "smote"), ("balanced_softmx", "balanced_softmax"), ("class-weights", "class_weights"), ("magic", "none")],
)
def test_an_unknown_strategy_is_refused_with_those_near_it(word: str, near: str) -> None:
    with pytest.raises(ConfigError, match=rf"balance: unknown strategy '{word}'; near it: {near}\b.*allowed are none"):
        make_plan(word, LABELS, CLASSES)  # type: ignore[arg-type]


def test_any_other_word_is_told_all_that_are_allowed() -> None:
    check("none")
    with pytest.raises(ConfigError) as caught:
        check("zzz")
    allowed = ", ".join(get_args(Balance))
    assert str(caught.value) == f"balance: unknown strategy 'zzz'; near it: {allowed}; allowed are {allowed}"


@pytest.mark.parametrize(("missing", "shown"), [(1, "b"), (5, "b, c, d, e, f"), (6, "b, c, d, e, f and 1 more")])
def test_classes_without_a_picture_are_named_up_to_five(missing: int, shown: str) -> None:
    with pytest.raises(DatasetError) as caught:
        count(np.zeros(3, np.int64), list("abcdefg"[: missing + 1]))
    assert str(caught.value) == (
        f"training split: no picture of class {shown}; ingest more pictures of it, or leave it out"
    )


@pytest.mark.parametrize(("epochs", "begins"), [(1, 1), (2, 2), (4, 4), (5, 5), (10, 9), (200, 161)])
def test_a_deferred_strategy_has_its_phase_in_every_training(epochs: int, begins: int) -> None:
    late = {strategy: second_phase(strategy, epochs) for strategy in get_args(Balance)}
    assert late.pop("deferred_sampling") == late.pop("ldam_drw") == begins
    assert set(late.values()) == {1}
    assert [deferred(share) for share in (0.79, 0.8, 0.81)] == [False, True, True]


@pytest.mark.parametrize(
    ("strategy", "rows"),
    [
        ("none", [5, 0, 1, 2, 4, 3, 7, 6]),
        ("oversampling", [7, 1, 3, 5, 6, 5, 7, 7]),
        ("deferred_sampling", [7, 1, 3, 5, 6, 5, 7, 7]),
        ("pixel_smote", [11, 1, 3, 5, 9, 8, 13, 12]),
    ],
)
def test_epochs_are_as_recorded(strategy: Balance, rows: list[int]) -> None:
    """If this fails, a training that a newer release takes up again goes on with other rows."""
    plan = make_plan(strategy, np.array([0, 0, 0, 0, 0, 1, 1, 2]), CLASSES)
    assert plan.rows(10, 10, seed=5).tolist() == rows


def test_a_plan_counts_in_whole_numbers_of_eight_bytes() -> None:
    plan = make_plan("effective_number", LABELS.astype(np.int32), CLASSES)  # type: ignore[arg-type]
    assert plan.before.dtype == plan.after.dtype == np.int64 and plan.weights.dtype == np.float32
    assert (plan.strategy, plan.classes, plan.notes) == ("effective_number", CLASSES, [])
