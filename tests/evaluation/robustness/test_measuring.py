"""Robustness of models whose weakness is known: which distortions hurt, which do not, and what can not be measured."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from nightsort.evaluation.robustness import measuring
from nightsort.evaluation.robustness.corruptions import NAMES
from nightsort.evaluation.robustness.measuring import measure
from nightsort.evaluation.robustness.occlusion import occlude
from nightsort.evaluation.scores import Robustness
from nightsort.learning.classifier import Classifier
from nightsort.learning.feeds.pictures import Pictures

SIDE = 16


class MeanColour(nn.Module):
    """(B, 3, S, S) to the mean of all values, (B, 1)."""

    def forward(self, images: Tensor) -> Tensor:
        return images.mean((1, 2, 3))[:, None]


class Steps(nn.Module):
    """The same, but in steps, as a tree has it: no gradient."""

    def __init__(self, tracked: bool) -> None:
        super().__init__()
        self.tracked = tracked

    def forward(self, images: Tensor) -> Tensor:
        means = images.mean((1, 2, 3))[:, None]
        return means.sign() if self.tracked else (means.detach() > 0).float() * 2 - 1


class Roots(nn.Module):
    """The same by way of a square root at zero, whose gradient is no number."""

    def forward(self, images: Tensor) -> Tensor:
        return images.mean((1, 2, 3))[:, None] + (images * 0).square().sum((1, 2, 3)).sqrt()[:, None]


def bright_or_dark(body: nn.Module) -> Classifier:
    """Says 1 where the mean level is above 127.5."""
    head = nn.Linear(1, 2)
    with torch.no_grad():
        head.weight.copy_(torch.tensor([[-40.0], [40.0]]))
        head.bias.zero_()
    return Classifier(body, head)


def pictures(dark: int = 8, bright: int = 8) -> Pictures:
    """Dark ones around level 115 are class 0, bright ones around 140 class 1."""
    labels = np.array([0] * dark + [1] * bright, np.int64)
    generator = np.random.default_rng(0)
    levels = np.where(labels, 140, 115)[:, None, None, None] + generator.integers(-30, 31, (len(labels), SIDE, SIDE, 3))
    return Pictures(levels.astype(np.uint8), labels, [f"{i:064x}" for i in range(len(labels))])


def quiet(done: int, total: int) -> None:
    """Nobody is told."""


@pytest.fixture(scope="module")
def measured() -> Robustness:
    return measure(bright_or_dark(MeanColour()), pictures(), seed=0, on_progress=quiet)


def test_every_distortion_has_a_row_and_every_strength_a_figure(measured: Robustness) -> None:
    assert [row.name for row in measured.rows] == [*NAMES, "occlusion", "FGSM", "PGD"]
    assert all(len(row.strengths) == len(row.accuracy) for row in measured.rows)
    assert all(0 <= accuracy <= 1 for row in measured.rows for accuracy in row.accuracy)
    assert [row.strengths for row in measured.rows[-3:]] == [
        ["5%", "10%", "20%", "30%", "50%"],
        ["1/255", "2/255", "4/255", "8/255"],
        ["1/255", "2/255", "4/255", "8/255"],
    ]
    assert (measured.pictures, measured.of, measured.clean_accuracy) == (16, 16, 1.0)
    corrupted = [accuracy for row in measured.rows[:15] for accuracy in row.accuracy]
    assert measured.mean_corruption_accuracy == pytest.approx(np.mean(corrupted))
    assert any("frost is drawn" in note for note in measured.notes)


def test_a_model_that_looks_at_brightness_is_hurt_by_what_changes_it(measured: Robustness) -> None:
    accuracy = {row.name: row.accuracy for row in measured.rows}
    for harmless in ("elastic", "defocus blur", "glass blur", "pixelate", "JPEG", "contrast"):
        assert min(accuracy[harmless]) == 1.0, harmless
    for harmful in ("brightness", "snow"):
        assert accuracy[harmful][-1] == 0.5, harmful


def test_an_attack_succeeds_as_soon_as_it_may_cross_the_margin(measured: Robustness) -> None:
    accuracy = {row.name: row.accuracy for row in measured.rows}
    for name in ("FGSM", "PGD"):
        assert accuracy[name] == [1.0, 1.0, 1.0, 1.0]  # the margin is 12 levels
    near = Pictures(np.full((8, SIDE, SIDE, 3), 130, np.uint8), np.ones(8, np.int64), [str(i) for i in range(8)])
    found = {row.name: row.accuracy for row in measure(bright_or_dark(MeanColour()), near, 0, quiet).rows}
    assert found["FGSM"] == found["PGD"] == [1.0, 1.0, 0.0, 0.0]  # 130 is 2.5 above the middle


def test_the_same_seed_gives_the_same_figures_and_the_model_stays(measured: Robustness) -> None:
    model, told = bright_or_dark(MeanColour()), []
    before = {name: value.clone() for name, value in model.state_dict().items()}
    assert measure(model, pictures(), 0, lambda done, total: told.append((done, total))) == measured
    assert all(value.equal(before[name]) for name, value in model.state_dict().items())
    assert all(weight.grad is None for weight in model.parameters())
    assert told == [(i, 88) for i in range(89)]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (Steps(tracked=False), "have no gradient"),
        (Steps(tracked=True), "is zero or no number"),
        (Roots(), "is zero or no number"),
    ],
)
def test_a_model_without_a_gradient_is_measured_without_attacks(body: nn.Module, why: str) -> None:
    found = measure(bright_or_dark(body), pictures(4, 4), 0, quiet)
    assert [row.name for row in found.rows] == [*NAMES, "occlusion"]
    assert [note for note in found.notes if "no attacks" in note and why in note]
    assert found.clean_accuracy == 1.0


def test_of_many_pictures_a_sample_stands_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "MAX_PICTURES", 8)
    test = pictures(dark=30, bright=2)
    always_dark = bright_or_dark(MeanColour())
    with torch.no_grad():
        always_dark.head.bias.copy_(torch.tensor([1e6, 0.0]))
    found = measure(always_dark, test, 0, quiet)
    assert (found.pictures, found.of) == (8, 32)
    assert found.clean_accuracy == pytest.approx(30 / 32)


def test_without_test_pictures_nothing_is_measured() -> None:
    found = measure(bright_or_dark(MeanColour()), pictures(0, 0), 0, quiet)
    assert (found.pictures, found.rows) == (0, []) and "no picture" in found.notes[0]


@pytest.mark.parametrize("share", [0.05, 0.5])
def test_occlusion_hides_a_square_of_that_share(share: float) -> None:
    picture = np.random.default_rng(0).integers(0, 100, (40, 40, 3), dtype=np.uint8)
    before = picture.copy()
    hidden = [occlude(picture, share, np.random.default_rng(seed)) for seed in range(20)]
    for changed in hidden:
        rows, columns = np.nonzero((changed != picture).any(axis=2))
        assert np.ptp(rows) == np.ptp(columns)
        assert (np.ptp(rows) + 1) ** 2 / 1600 == pytest.approx(share, abs=0.04)
        assert (changed[rows, columns] == 128).all()
    assert len({changed.tobytes() for changed in hidden}) > 10
    assert (picture == before).all()
