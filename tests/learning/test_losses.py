"""Losses: what they add to cross entropy, and that they add nothing where classes are even."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from nightsort.balance.plan import make_plan
from nightsort.learning.losses import balanced_softmax, loss_for, weighted_cross_entropy

LOGITS = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))
TARGETS = F.one_hot(torch.tensor([0, 1, 2, 0, 1, 2]), 3).float()


@pytest.mark.parametrize("strategy", ["none", "class_weights", "oversampling", "balanced_softmax", "smote"])
def test_with_even_classes_every_loss_is_cross_entropy(strategy):
    plan = make_plan(strategy, np.repeat([0, 1, 2], 5), ["a", "b", "c"], seed=0)
    assert loss_for(plan)(LOGITS, TARGETS) == pytest.approx(F.cross_entropy(LOGITS, TARGETS).item())


def test_balanced_softmax_is_the_papers_formula():
    counts = torch.tensor([50.0, 5.0, 1.0])
    raised = counts * LOGITS.exp()
    expected = -torch.log((raised / raised.sum(1, keepdim=True))[TARGETS.bool()]).mean()
    assert balanced_softmax(LOGITS, TARGETS, counts).item() == pytest.approx(expected.item(), rel=1e-5)


def test_a_weight_of_two_counts_a_class_twice():
    per_picture = F.cross_entropy(LOGITS, TARGETS, reduction="none")
    factor = torch.tensor([2.0, 1.0, 1.0, 2.0, 1.0, 1.0])
    found = weighted_cross_entropy(LOGITS, TARGETS, torch.tensor([2.0, 1.0, 1.0]))
    assert found.item() == pytest.approx((per_picture * factor).mean().item(), rel=1e-5)


@pytest.mark.parametrize("strategy", ["class_weights", "balanced_softmax"])
def test_a_mistake_on_a_rare_class_costs_more(strategy):
    loss = loss_for(make_plan(strategy, np.array([0] * 30 + [1] * 2), ["common", "rare"], seed=0))
    undecided = torch.zeros(1, 2)
    rare, common = torch.tensor([[0.0, 1.0]]), torch.tensor([[1.0, 0.0]])
    assert loss(undecided, rare) > 3 * loss(undecided, common)
