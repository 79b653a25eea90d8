"""Attacks: the loss rises within epsilon, and the model does not notice."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nightsort.errors import ModelError
from nightsort.learning.adversarial import fgsm, pgd

EPSILON = 4.0
Attack = Callable[[nn.Module, Tensor], Tensor]


def model() -> nn.Module:
    """A tiny network with batch normalisation, its head alone in training mode, as in a frozen start."""
    torch.manual_seed(0)
    made = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 36, 3))
    made.eval()
    made[4].train()
    return made


def pictures() -> Tensor:
    """Four pictures, some of whose values lie at the ends of the range."""
    return (torch.rand(4, 3, 8, 8, generator=torch.Generator().manual_seed(1)) * 270 - 5).clamp(0, 255)


TARGETS = F.one_hot(torch.arange(4) % 3, 3).float()


def quick(network: nn.Module, images: Tensor) -> Tensor:
    return fgsm(network, images, TARGETS, F.cross_entropy, EPSILON)


def slow(network: nn.Module, images: Tensor) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return pgd(network, images, TARGETS, F.cross_entropy, EPSILON, steps=10, step_size=1.0, generator=generator)


def loss(network: nn.Module, images: Tensor) -> float:
    with torch.no_grad():
        return float(F.cross_entropy(network.eval()(images), TARGETS))


@pytest.mark.parametrize("attack", [quick, slow])
def test_the_loss_rises_within_epsilon_and_the_range(attack: Attack) -> None:
    network, images = model(), pictures()
    changed = attack(network, images)
    assert loss(network, changed) > loss(network, images)
    assert (changed - images).abs().max().item() == pytest.approx(EPSILON, abs=1e-4)
    assert changed.min() >= 0 and changed.max() <= 255
    assert not changed.requires_grad and torch.equal(images, pictures())


def test_many_small_steps_are_worse_than_a_large_one_and_than_noise() -> None:
    network, images = model(), pictures()
    noise = EPSILON * torch.randn(images.shape, generator=torch.Generator().manual_seed(0)).sign()
    assert loss(network, slow(network, images)) > loss(network, quick(network, images)) > loss(network, images + noise)


@pytest.mark.parametrize("attack", [quick, slow])
def test_the_model_is_as_it_was(attack: Attack) -> None:
    network = model()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    network[4].weight.grad = torch.ones_like(network[4].weight)
    with torch.no_grad():  # whoever measures robustness has switched gradients off
        attack(network, pictures())
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert [part.training for part in network] == [False, False, False, False, True]
    assert network[0].weight.grad is None and torch.equal(network[4].weight.grad, torch.ones_like(network[4].weight))


def test_modes_are_put_back_after_a_failure() -> None:
    network = model()
    with pytest.raises(RuntimeError):
        quick(network, torch.zeros(4, 3, 99, 99))
    assert network[4].training and not network[1].training


def test_the_generator_decides_where_pgd_starts() -> None:
    def start(seed: int) -> Tensor:
        generator = torch.Generator().manual_seed(seed)
        return pgd(model(), pictures(), TARGETS, F.cross_entropy, EPSILON, 0, 1.0, generator)

    assert torch.equal(start(0), start(0)) and not torch.equal(start(0), start(1))


class Counting(nn.Module):
    """Answers that jump: no gradient by the pictures."""

    def forward(self, images: Tensor) -> Tensor:
        return (images.flatten(1)[:, :3] > 100).float()


@pytest.mark.parametrize("attack", [quick, slow])
def test_a_model_without_a_gradient_is_refused(attack: Attack) -> None:
    with pytest.raises(ModelError, match="have no gradient by its pictures; only networks have one"):
        attack(Counting(), pictures())
