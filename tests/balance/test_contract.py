"""What every strategy of balancing keeps to, whatever the split."""

from typing import get_args

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from nightsort.balance.blends import plan_blends
from nightsort.balance.on_features import resample
from nightsort.balance.plan import DEFERRED, Plan, make_plan
from nightsort.errors import DatasetError
from nightsort.learning.losses import loss_for
from nightsort.words import Balance

STRATEGIES = get_args(Balance)
OTHER_LOSS = ("focal", "ldam_drw")
"""Those that change cross entropy even where classes are even."""

every_strategy = pytest.mark.parametrize("strategy", STRATEGIES)
splits = st.lists(st.integers(1, 30), min_size=2, max_size=5)
seeds = st.integers(0, 2**31 - 1)


def named(counts: list[int]) -> list[str]:
    """A name for each class."""
    return [f"class {c}" for c in range(len(counts))]


def labelled(counts: list[int], seed: int = 3) -> NDArray[np.int64]:
    """So many labels of each class, shuffled."""
    return np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts)).astype(np.int64)


def planned(strategy: Balance, counts: list[int]) -> Plan:
    """The plan of a split with these counts."""
    return make_plan(strategy, labelled(counts), named(counts))


def features(labels: NDArray[np.int64], classes: int = 3) -> NDArray[np.float32]:
    """Rows that overlap with those of other classes, so that each method of the SMOTE family finds work."""
    noise = np.random.default_rng(0).normal(size=(len(labels), 4))
    return (noise + 0.5 * labels[:, None]).astype(np.float32)


@every_strategy
@settings(max_examples=8)
@given(counts=splits, seed=seeds, epoch=st.integers(1, 10))
def test_an_epoch_draws_rows_of_the_split_or_its_blends_and_is_never_longer(
    strategy: Balance, counts: list[int], seed: int, epoch: int
) -> None:
    plan = planned(strategy, counts)
    rows = plan.rows(epoch, 10, seed)
    assert rows.dtype == np.int64
    assert len(rows) == plan.length <= sum(counts)
    assert rows.min() >= 0 and rows.max() < len(plan.extended)
    assert np.array_equal(plan.extended[: sum(counts)], plan.labels)
    if strategy != "pixel_smote":
        assert rows.max() < sum(counts)


@every_strategy
@settings(max_examples=8)
@given(counts=splits, seed=seeds)
def test_every_class_is_in_every_epoch(strategy: Balance, counts: list[int], seed: int) -> None:
    plan = planned(strategy, counts)
    for epoch in (1, 10):
        assert set(plan.extended[plan.rows(epoch, 10, seed)].tolist()) == set(range(len(counts)))


@every_strategy
def test_an_epoch_is_a_function_of_its_arguments_alone(strategy: Balance) -> None:
    one, other = planned(strategy, [20, 6, 1]), planned(strategy, [20, 6, 1])
    later = [other.rows(epoch, 10, seed=7) for epoch in (9, 3, 1)]
    np.random.seed(1)
    earlier = [one.rows(epoch, 10, seed=7) for epoch in (1, 3, 9)]
    assert [rows.tolist() for rows in earlier] == [rows.tolist() for rows in reversed(later)]
    assert one.rows(1, 10, seed=7).tolist() != one.rows(2, 10, seed=7).tolist()
    assert one.rows(1, 10, seed=7).tolist() != one.rows(1, 10, seed=8).tolist()


@every_strategy
@given(each=st.integers(1, 9), classes=st.integers(2, 5), seed=seeds)
@settings(max_examples=8)
def test_with_even_classes_every_plan_is_that_of_none(strategy: Balance, each: int, classes: int, seed: int) -> None:
    plan, none = planned(strategy, [each] * classes), planned("none", [each] * classes)
    for epoch in (1, 10):
        assert np.array_equal(plan.rows(epoch, 10, seed), none.rows(epoch, 10, seed))
    assert plan.targets == none.targets
    assert plan.weights == pytest.approx(none.weights)
    assert plan.after.tolist() == none.after.tolist()
    assert plan.notes == []


@every_strategy
@settings(max_examples=8)
@given(counts=splits)
def test_the_counts_agree_with_each_other(strategy: Balance, counts: list[int]) -> None:
    plan = planned(strategy, counts)
    assert plan.before.tolist() == counts
    assert set(plan.targets) == set(range(len(counts)))
    assert min(plan.targets.values()) >= 1
    assert (plan.after >= 1).all()
    assert plan.after.sum() >= plan.length
    assert plan.weights[plan.labels].mean() == pytest.approx(1, rel=1e-5)


@every_strategy
def test_rare_classes_never_lose_against_common_ones(strategy: Balance) -> None:
    after = planned(strategy, [60, 20, 5, 1]).after / np.array([60, 20, 5, 1])
    assert (np.diff(after) >= 0).all()
    assert (after[-1] > after[0]) == (strategy not in ("none", "focal"))


@every_strategy
def test_labels_stay_as_they_were(strategy: Balance) -> None:
    labels = labelled([20, 6, 1])
    given = labels.copy()
    make_plan(strategy, labels, named([20, 6, 1])).rows(1, 1, seed=0)
    assert np.array_equal(labels, given)


@every_strategy
def test_a_class_without_a_training_picture_is_named(strategy: Balance) -> None:
    with pytest.raises(DatasetError, match="training split: no picture of class ghost"):
        make_plan(strategy, labelled([20, 6]), ["a", "b", "ghost"])


@every_strategy
def test_the_loss_is_finite_has_a_gradient_and_takes_soft_targets(strategy: Balance) -> None:
    plan = planned(strategy, [500, 20, 1])
    generator = torch.Generator().manual_seed(0)
    for targets in (F.one_hot(torch.tensor([0, 1, 2, 2]), 3).float(), torch.rand(4, 3, generator=generator)):
        for scale in (1.0, 1000.0):
            logits = (scale * torch.randn(4, 3, generator=generator)).requires_grad_()
            for progress in (0.0, DEFERRED, 1.0):
                loss = loss_for(plan, progress)(logits, targets / targets.sum(1, keepdim=True))
                (gradient,) = torch.autograd.grad(loss, logits)
                assert loss.ndim == 0 and loss.isfinite() and gradient.isfinite().all()
                assert scale > 1 or gradient.abs().sum() > 0


@every_strategy
def test_with_even_classes_the_loss_is_cross_entropy_or_depends_on_no_class(strategy: Balance) -> None:
    loss, order = loss_for(planned(strategy, [5, 5, 5]), progress=1.0), torch.tensor([2, 0, 1])
    logits = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))
    targets = F.one_hot(torch.arange(6) % 3, 3).float()
    assert loss(logits[:, order], targets[:, order]).item() == pytest.approx(loss(logits, targets).item())
    even = F.cross_entropy(logits, targets).item()
    assert (loss(logits, targets).item() == pytest.approx(even)) == (strategy not in OTHER_LOSS)


@every_strategy
def test_a_mixed_picture_loses_between_its_parents(strategy: Balance) -> None:
    """Mixup and CutMix go with every strategy, since every loss takes soft targets."""
    loss = loss_for(planned(strategy, [50, 5, 1]), progress=1.0)
    logits = torch.tensor([[0.3, -0.2, 0.1]])
    one, other = torch.tensor([[1.0, 0.0, 0.0]]), torch.tensor([[0.0, 0.0, 1.0]])
    ends = loss(logits, one).item(), loss(logits, other).item()
    mixed = [loss(logits, share * one + (1 - share) * other).item() for share in (0.75, 0.5, 0.25)]
    assert min(ends) < mixed[0] < max(ends) or strategy == "ldam_drw"
    assert mixed == sorted(mixed, reverse=ends[0] > ends[1])


@every_strategy
@pytest.mark.parametrize("counts", [[30, 9, 3, 1], [12, 12], [8, 1], [2, 1, 1]])
def test_a_model_on_features_gets_rows_of_every_class(strategy: Balance, counts: list[int]) -> None:
    plan = planned(strategy, counts)
    given = features(plan.labels)
    rows, labels, weights, _ = resample(given, plan.labels, plan, seed=0)
    assert (rows.dtype, labels.dtype, weights.dtype) == (np.float32, np.int64, np.float32)
    assert len(rows) == len(labels) == len(weights) <= max(counts) * len(counts)
    assert set(labels.tolist()) == set(range(len(counts)))
    assert weights.mean() == pytest.approx(1, rel=1e-5) and np.isfinite(rows).all()
    again = resample(given, plan.labels, plan, seed=0)
    assert np.array_equal(rows, again[0]) and np.array_equal(labels, again[1])


@every_strategy
def test_a_model_on_features_sees_only_the_training_split(strategy: Balance) -> None:
    """Each row lies among those of its class that were passed in."""
    plan = planned(strategy, [30, 9, 3, 1])
    given = features(plan.labels)
    rows, labels, _, _ = resample(given, plan.labels, plan, seed=0)
    for c in range(4):
        own = given[plan.labels == c]
        assert (rows[labels == c] >= own.min(0) - 1e-4).all() and (rows[labels == c] <= own.max(0) + 1e-4).all()


@settings(max_examples=12)
@given(counts=splits, parents=st.integers(1, 9), seed=seeds)
def test_both_parents_of_a_blend_are_in_the_split_and_of_its_class(counts: list[int], parents: int, seed: int) -> None:
    plan = planned("pixel_smote", counts)
    blends = plan_blends(features(plan.labels), plan, parents, seed)
    extra = plan.extended[sum(counts) :]
    assert np.bincount(plan.extended, minlength=len(counts)).tolist() == [max(counts)] * len(counts)
    assert np.array_equal(plan.labels[blends.base], extra)
    assert np.array_equal(plan.labels[blends.neighbour], extra)
    assert ((blends.share >= 0) & (blends.share <= 1)).all()
    alone = (plan.before[extra] == 1) | (parents == 1)
    assert np.array_equal(blends.base == blends.neighbour, alone)
    assert (blends.share[alone] == 0).all()
