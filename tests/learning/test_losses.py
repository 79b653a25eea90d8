"""Losses: the papers' formulas, and what they cost where; what all keep to is in tests/balance/test_contract."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from nightsort.balance.plan import make_plan
from nightsort.learning.losses import (
    balanced_softmax,
    cross_entropy,
    focal,
    ldam,
    loss_for,
    margins,
    spread_of,
    weighted_cross_entropy,
)
from nightsort.words import Balance

LOGITS = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))
LABELS = torch.tensor([0, 1, 2, 0, 1, 2])
TARGETS = F.one_hot(LABELS, 3).float()
ONES = torch.ones(3)


def test_balanced_softmax_is_the_papers_formula() -> None:
    counts = torch.tensor([50.0, 5.0, 1.0])
    raised = counts * LOGITS.exp()
    expected = -torch.log((raised / raised.sum(1, keepdim=True))[TARGETS.bool()]).mean()
    assert balanced_softmax(LOGITS, TARGETS, counts).item() == pytest.approx(expected.item(), rel=1e-5)


def test_a_weight_of_two_counts_a_class_twice() -> None:
    per_picture = F.cross_entropy(LOGITS, TARGETS, reduction="none")
    factor = torch.tensor([2.0, 1.0, 1.0, 2.0, 1.0, 1.0])
    found = weighted_cross_entropy(LOGITS, TARGETS, torch.tensor([2.0, 1.0, 1.0]))
    assert found.item() == pytest.approx((per_picture * factor).mean().item(), rel=1e-5)


def test_the_focal_loss_is_the_papers_formula_and_cross_entropy_without_focus() -> None:
    p = LOGITS.softmax(1)[TARGETS.bool()]
    assert focal(LOGITS, TARGETS).item() == pytest.approx((-((1 - p) ** 2) * p.log()).mean().item(), rel=1e-5)
    assert focal(LOGITS, TARGETS, gamma=0).item() == pytest.approx(cross_entropy(LOGITS, TARGETS).item(), rel=1e-5)
    soft = 0.7 * TARGETS + 0.1
    assert focal(LOGITS, soft, gamma=0).item() == pytest.approx(cross_entropy(LOGITS, soft).item(), rel=1e-5)


def test_margins_go_with_the_fourth_root_and_the_rarest_has_half() -> None:
    assert margins(np.array([16 * 81, 81, 16 * 81])).tolist() == pytest.approx([0.25, 0.5, 0.25])


def test_ldam_is_cross_entropy_after_the_right_class_gave_up_its_margin() -> None:
    cosines = LOGITS.tanh()
    margin = torch.tensor([0.1, 0.3, 0.5])
    given_up = cosines.clone()
    given_up[torch.arange(6), LABELS] -= margin[LABELS]
    expected = F.cross_entropy(30 * given_up, LABELS)
    assert ldam(30 * cosines, TARGETS, margin, ONES).item() == pytest.approx(expected.item(), rel=1e-5)


def test_the_weights_of_ldam_drw_begin_late() -> None:
    plan = make_plan("ldam_drw", np.repeat([0, 1, 2], [200, 20, 2]), ["a", "b", "c"])
    early, still, late = (loss_for(plan, progress)(LOGITS, TARGETS).item() for progress in (0.0, 0.79, 0.8))
    assert early == still == pytest.approx(ldam(LOGITS, TARGETS, margins(plan.before), ONES).item())
    weights = torch.from_numpy(plan.weights)
    assert late == pytest.approx(ldam(LOGITS, TARGETS, margins(plan.before), weights).item()) != early


@pytest.mark.parametrize("strategy", ["class_weights", "effective_number", "balanced_softmax", "ldam_drw"])
def test_a_mistake_on_a_rare_class_costs_more(strategy: Balance) -> None:
    loss = loss_for(make_plan(strategy, np.array([0] * 30 + [1] * 2), ["common", "rare"]), progress=1.0)
    undecided = torch.zeros(1, 2)
    rare, common = torch.tensor([[0.0, 1.0]]), torch.tensor([[1.0, 0.0]])
    assert loss(undecided, rare) > 3 * loss(undecided, common)


@pytest.mark.parametrize("strategy", ["none", "class_weights", "focal", "balanced_softmax", "ldam_drw"])
def test_logits_of_half_precision_are_computed_in_full(strategy: Balance) -> None:
    loss = loss_for(make_plan(strategy, np.array([0] * 30 + [1] * 2 + [2]), ["a", "b", "c"]), progress=1.0)
    half = LOGITS.bfloat16()
    assert loss(half, TARGETS).dtype == torch.float32
    assert loss(half, TARGETS).item() == pytest.approx(loss(half.float(), TARGETS).item())


def test_a_smoothed_target_of_balanced_softmax_leaves_what_is_doubtful_at_the_prior() -> None:
    labels = np.repeat(np.arange(3), [90, 9, 1])
    plan = make_plan("balanced_softmax", labels, ["a", "b", "c"])
    logits = torch.zeros(1, 3, requires_grad=True)  # says nothing beyond the prior
    loss_for(plan, 0.0)(logits, spread_of(plan)[None]).backward()
    assert logits.grad is not None and logits.grad.abs().max() < 1e-6
    assert spread_of(make_plan("none", labels, ["a", "b", "c"])).tolist() == pytest.approx([1 / 3] * 3)
