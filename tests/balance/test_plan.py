"""The contract of a balancing plan, held by every strategy."""

from typing import get_args

import numpy as np
import pytest

from nightsort.balance.plan import make_plan
from nightsort.errors import ConfigError, DatasetError
from nightsort.words import Balance

CLASSES = ["common", "rare", "single"]
LABELS = np.array([0] * 20 + [1] * 6 + [2], dtype=np.int64)[np.random.default_rng(3).permutation(27)]

every_strategy = pytest.mark.parametrize("strategy", get_args(Balance))


@every_strategy
def test_rows_are_indices_of_the_training_split_and_hold_each_of_them(strategy):
    plan = make_plan(strategy, LABELS, CLASSES, seed=1)
    assert plan.rows.dtype.kind == "i"
    assert set(plan.rows) == set(range(len(LABELS)))


@every_strategy
def test_an_epoch_costs_as_many_pictures_as_the_split_has(strategy):
    plan = make_plan(strategy, LABELS, CLASSES, seed=1)
    epoch = plan.epoch(np.random.default_rng(0))
    assert len(epoch) == len(LABELS)
    assert set(epoch) <= set(plan.rows)


@every_strategy
def test_the_same_seed_gives_the_same_plan_and_epochs(strategy):
    first, second = (make_plan(strategy, LABELS, CLASSES, seed=7) for _ in range(2))
    assert np.array_equal(first.rows, second.rows)
    one, other = np.random.default_rng(1), np.random.default_rng(1)
    assert [first.epoch(one).tolist() for _ in range(3)] == [second.epoch(other).tolist() for _ in range(3)]


@every_strategy
def test_counts_before_are_the_split_and_labels_stay_untouched(strategy):
    labels = LABELS.copy()
    plan = make_plan(strategy, labels, CLASSES, seed=1)
    assert plan.before.tolist() == [20, 6, 1]
    assert np.array_equal(labels, LABELS)


@every_strategy
def test_no_class_gets_fewer_rows_than_it_has(strategy):
    plan = make_plan(strategy, LABELS, CLASSES, seed=1)
    assert all(plan.targets[c] >= plan.before[c] for c in range(len(CLASSES)))


@every_strategy
def test_weights_leave_the_mean_loss_where_it_was(strategy):
    plan = make_plan(strategy, LABELS, CLASSES, seed=1)
    assert plan.weights[LABELS].mean() == pytest.approx(1)


@every_strategy
def test_a_strategy_other_than_none_evens_the_classes_out(strategy):
    after = make_plan(strategy, LABELS, CLASSES, seed=1).after
    assert (len(set(after.tolist())) == 1) == (strategy != "none")


@every_strategy
def test_a_class_without_a_training_picture_is_named(strategy):
    with pytest.raises(DatasetError, match="training split: no picture of class ghost"):
        make_plan(strategy, LABELS, [*CLASSES, "ghost"], seed=1)


def test_the_sampler_draws_classes_alike_over_epochs():
    plan = make_plan("oversampling", LABELS, CLASSES, seed=1)
    rng = np.random.default_rng(0)
    drawn = np.bincount(np.concatenate([LABELS[plan.epoch(rng)] for _ in range(300)]), minlength=3)
    assert drawn / drawn.sum() == pytest.approx([1 / 3] * 3, abs=0.01)


def test_oversampled_rows_reach_their_targets():
    plan = make_plan("oversampling", LABELS, CLASSES, seed=1)
    assert np.bincount(LABELS[plan.rows]).tolist() == [plan.targets[c] for c in range(3)] == [20, 20, 20]


def test_class_weights_are_inverse_frequencies():
    plan = make_plan("class_weights", LABELS, CLASSES, seed=1)
    assert (plan.weights * plan.before).tolist() == pytest.approx([9, 9, 9])


def test_an_unknown_strategy_is_refused_with_those_allowed():
    with pytest.raises(ConfigError, match=r"balance: must be one of none, .*smote, got 'magic'"):
        make_plan("magic", LABELS, CLASSES, seed=1)
