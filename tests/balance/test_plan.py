"""What each strategy of balancing plans; what they all keep to is in test_contract."""

import numpy as np
import pytest

from nightsort.balance.plan import make_plan, progress
from nightsort.errors import ConfigError
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
