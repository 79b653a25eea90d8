"""A step in one part or in several, with memory that does not suffice, with knobs that change its loss."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from nightsort.errors import TrainingError
from nightsort.learning.classifier import Classifier
from nightsort.learning.losses import cross_entropy
from nightsort.learning.training.hardware import Hardware
from nightsort.learning.training.ranks import Ranks
from nightsort.learning.training.step import Step, seed_of
from tests.learning.shapes import CLASSES, TRAIN, params

ROWS = np.arange(0, 102, 9)  # 12 pictures
START = torch.linspace(-0.5, 0.5, 36).reshape(12, 3).T


class Body(nn.Module):
    """The mean of each quarter; raises as the allocator does for more pictures than it has memory for."""

    def __init__(self, holds: int = 1000) -> None:
        super().__init__()
        self.holds = holds
        self.sizes: list[int] = []

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, S, S) -> (B, 12)."""
        if len(x) > self.holds:
            raise RuntimeError("[enforce fail] . DefaultCPUAllocator: can't allocate memory: you tried to allocate")
        self.sizes.append(len(x))
        return nn.functional.adaptive_avg_pool2d(x, 2).flatten(1)


def stepped(holds: int = 1000, parts: int = 1, **changes: Any) -> tuple[Classifier, float, Step, list[str]]:
    """A network after one step of plain gradient descent without any change of the pictures; its loss; notes."""
    given: dict[str, Any] = {"augment": "none", "mixup": 0, "max_gradient_norm": 100.0}
    head = nn.Linear(12, 3)
    with torch.no_grad():
        head.weight.copy_(START)
        head.bias.zero_()
    model, notes = Classifier(Body(holds), head), []
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    hardware = Hardware(torch.device("cpu"), bf16=False)
    recipe = params(**(given | changes))
    step = Step(
        model, optimizer, recipe, torch.ones(len(CLASSES)) / len(CLASSES), hardware, Ranks(), parts, notes.append
    )
    value = step(model, TRAIN.images[ROWS], TRAIN.labels[ROWS], cross_entropy, (1, 0))
    return model, value.item(), step, notes


def test_parts_give_the_gradient_of_the_whole() -> None:
    whole, loss, _, _ = stepped()
    parted, again, step, notes = stepped(parts=5)  # of 3, 3, 2, 2 and 2 pictures
    assert torch.allclose(whole.head.weight, parted.head.weight, atol=1e-6)
    assert again == pytest.approx(loss, rel=1e-5)
    assert step.parts == 5 and notes == []


def test_a_batch_that_does_not_fit_is_divided_until_it_does() -> None:
    whole, loss, _, _ = stepped()
    divided, again, step, notes = stepped(holds=3)
    assert torch.allclose(whole.head.weight, divided.head.weight, atol=1e-6)
    assert again == pytest.approx(loss, rel=1e-5)
    assert divided.body.sizes == [3, 3, 3, 3] and step.parts == 4
    assert notes[-1] == "out of memory: each batch of 12 pictures was computed in 4 parts"


def test_one_picture_that_does_not_fit_ends_the_training() -> None:
    with pytest.raises(TrainingError, match="out of memory with one picture of 16 px at a time; choose a smaller"):
        stepped(holds=0)


def test_other_faults_are_not_taken_for_a_lack_of_memory() -> None:
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        Step(Classifier(nn.Flatten(), nn.Linear(5, 3)), torch.optim.SGD([nn.Parameter(torch.zeros(1))]), params(),
             torch.ones(3) / 3, Hardware(torch.device("cpu"), False), Ranks(), 1, lambda note: None)(
            Classifier(nn.Flatten(), nn.Linear(5, 3)), TRAIN.images[:4], TRAIN.labels[:4], cross_entropy, (1, 0)
        )  # fmt: skip


def test_smoothed_labels_and_attacks_raise_the_loss() -> None:
    _, plain, _, _ = stepped()
    _, attacked, _, _ = stepped(adversarial=8.0)
    assert attacked > plain + 1e-4
    targets: list[Tensor] = []
    _, _, step, _ = stepped(label_smoothing=0.3)

    def watched(logits: Tensor, soft: Tensor) -> Tensor:
        targets.append(soft)
        return cross_entropy(logits, soft)

    step(step.model, TRAIN.images[ROWS], TRAIN.labels[ROWS], watched, (1, 1))
    assert targets[0].sum(1).allclose(torch.ones(12))
    assert targets[0].min().item() == pytest.approx(0.1) and targets[0].max().item() == pytest.approx(0.8)


def test_long_gradients_are_shortened() -> None:
    model, _, _, _ = stepped(max_gradient_norm=1e-3)
    moved = torch.cat([(model.head.weight - START).flatten(), model.head.bias]).norm().item()
    assert moved == pytest.approx(0.1 * 1e-3, rel=1e-3)


def test_every_place_has_its_own_seed() -> None:
    seeds = {seed_of(seed, epoch, step) for seed in range(3) for epoch in range(5) for step in range(20)}
    assert len(seeds) == 300 and all(0 <= seed < 2**63 for seed in seeds)
