"""The optimizer with its schedule, and the moving average of what it does."""

import pytest
import torch
from torch import nn

from nightsort.learning.training.learned import average_of
from nightsort.learning.training.optimizing import make_optimizer, rate_at
from tests.learning.shapes import params


def test_the_learning_rate_rises_in_a_line_and_falls_by_half_a_cosine() -> None:
    recipe = params(learning_rate=1.0, warmup=0.2)
    rates = [rate_at(done, recipe) for done in (0, 0.1, 0.2, 0.6, 1.0)]
    assert rates == pytest.approx([0.04, 0.52, 1.0, 0.5, 0.0])
    assert rate_at(0, params(learning_rate=1.0, warmup=0)) == 1.0


def test_weights_decay_and_biases_and_scales_do_not() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    for name, kind in (("adamw", torch.optim.AdamW), ("sgd", torch.optim.SGD)):
        optimizer = make_optimizer(model, params(optimizer=name, weight_decay=0.3))
        assert isinstance(optimizer, kind)
        assert [(len(group["params"]), group["weight_decay"]) for group in optimizer.param_groups] == [(1, 0.3), (3, 0)]


def test_the_average_follows_quickly_at_first_and_then_slowly() -> None:
    model = nn.BatchNorm1d(1)
    average = average_of(model, 0.5)
    expected = 0.0
    for step, value in enumerate((10.0, 20.0, 40.0, 80.0)):
        with torch.no_grad():
            model.weight.fill_(value)
            model.running_mean.fill_(value)
            model.num_batches_tracked.fill_(step)
        average.update_parameters(model)
        decay = min(0.5, (1 + step) / (10 + step)) if step else 0.0
        expected = decay * expected + (1 - decay) * value
        assert average.module.weight.item() == pytest.approx(expected)
        assert average.module.running_mean.item() == pytest.approx(expected)
        assert average.module.num_batches_tracked.item() == step
    assert model.weight.item() == 80.0
