"""Class activation maps: where the evidence is, for every kind of model or not at all, and nothing is left behind."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from nightsort.evaluation import explanation
from nightsort.learning import zoo
from nightsort.learning.architecture import Network
from nightsort.learning.classical.assembly import join
from nightsort.learning.classical.features import Features
from nightsort.learning.classical.hog import Hog
from nightsort.learning.classifier import Classifier
from nightsort.learning.ensemble.members import assemble


class Brightest(nn.Module):
    """A body that sees how bright the picture is, place by place."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Sequential(nn.Conv2d(3, 1, 4, stride=4, bias=False), nn.ReLU(inplace=True))
        nn.init.constant_(self.layer[0].weight, 0.02)

    def forward(self, x: Tensor) -> Tensor:
        places: Tensor = self.layer(x)
        return places.mean((2, 3))


@pytest.fixture
def brightest() -> Classifier:
    """Class 1 is what is bright anywhere; class 0 is the opposite."""
    model = Classifier(Brightest(), nn.Linear(1, 2, bias=False))
    with torch.no_grad():
        model.head.weight.copy_(torch.tensor([[-1.0], [1.0]]))
    return model


@pytest.fixture
def spot() -> np.ndarray:
    """A dark picture with a bright spot at the upper right, uint8 (32, 32, 3)."""
    image = np.full((32, 32, 3), 20, np.uint8)
    image[4:12, 20:28] = 250
    return image


def noise(side: int = 64) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)


def test_the_map_is_high_where_the_evidence_is(brightest: Classifier, spot: np.ndarray) -> None:
    found = explanation.activation(brightest, spot, 1)
    assert found is not None and found.shape == (32, 32) and found.dtype == np.float32
    assert (found.min(), found.max()) == (0, pytest.approx(1))
    y, x = np.unravel_index(found.argmax(), found.shape)
    assert 4 <= y < 12 and 20 <= x < 28
    assert found[16:, :16].max() < 0.1


def test_what_speaks_against_a_class_is_not_shown(brightest: Classifier, spot: np.ndarray) -> None:
    found = explanation.activation(brightest, spot, 0)
    assert found is not None and found.max() == 0


def test_the_model_is_left_as_it_was(brightest: Classifier, spot: np.ndarray) -> None:
    brightest.train()
    brightest.head.eval()
    brightest.requires_grad_(False)  # as a frozen body is
    before = {name: value.clone() for name, value in brightest.state_dict().items()}
    with torch.no_grad():
        assert explanation.activation(brightest, spot, 1).max() == pytest.approx(1)
    assert (brightest.training, brightest.body.training, brightest.head.training) == (True, True, False)
    assert all(torch.equal(before[name], value) for name, value in brightest.state_dict().items())
    assert all(weight.grad is None and not weight.requires_grad for weight in brightest.parameters())
    assert all(not module._forward_hooks for module in brightest.modules())


@pytest.mark.parametrize(("name", "side"), [("small_resnet", 16), ("small_resnet", 64), ("whitened_net", 32)])
def test_networks_of_our_own_have_a_map_for_any_size(name: str, side: int) -> None:
    torch.manual_seed(0)
    model = zoo.build(Network(name=name), 3)
    found = [explanation.activation(model, noise(side), i) for i in range(3)]
    assert all(it is not None and it.shape == (side, side) and 0 <= it.min() <= it.max() <= 1.0001 for it in found)
    assert any(it.max() > 0.99 for it in found)  # something speaks for some class
    assert all(np.isfinite(it).all() for it in found)


def test_a_pooled_map_is_not_looked_at(brightest: Classifier, spot: np.ndarray) -> None:
    plain = explanation.activation(brightest, spot, 1)
    enlarging = Classifier(
        nn.Sequential(brightest.body.layer, nn.MaxPool2d(8), nn.AdaptiveAvgPool2d(7), nn.Flatten()), nn.Linear(49, 2)
    )
    with torch.no_grad():
        enlarging.head.weight.copy_(torch.tensor([[-1.0], [1.0]]).expand(2, 49))
    found = explanation.activation(enlarging, spot, 1)  # as VGG enlarges the one place that a small picture leaves
    assert found is not None and np.abs(found - plain).max() < 1e-5


def test_an_ensemble_shows_its_first_convolutional_member(brightest: Classifier, spot: np.ndarray) -> None:
    blind = join(Features([Hog()], torch.zeros(1), torch.ones(1)), nn.Linear(1, 2))
    ensemble = assemble("mean", [blind, brightest])
    assert explanation.why_not(ensemble) == ""
    np.testing.assert_array_equal(explanation.activation(ensemble, spot, 1), explanation.activation(brightest, spot, 1))


def test_models_without_feature_maps_say_why(spot: np.ndarray) -> None:
    classical = join(Features([Hog()], torch.zeros(1), torch.ones(1)), nn.Linear(1, 2))
    transformer = Classifier(
        nn.Sequential(nn.Conv2d(3, 4, 8, 8), nn.Flatten(2), nn.MultiheadAttention(16, 2)), nn.Linear(1, 2)
    )
    for model, why in (
        (classical, "a classical model"),
        (transformer, "not convolutional"),
        (assemble("vote", [classical, classical]), "no member"),
    ):
        assert explanation.activation(model, spot, 0) is None
        assert why in explanation.why_not(model)


def test_worst_are_the_surest_of_the_wrong() -> None:
    probabilities = np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.7, 0.3], [0.2, 0.8]], np.float32)
    labels = np.array([0, 0, 0, 1, 1])
    assert explanation.worst(probabilities, labels, 10).tolist() == [2, 3, 1]
    assert explanation.worst(probabilities, labels, 2).tolist() == [2, 3]
    assert explanation.worst(probabilities, probabilities.argmax(1), 5).tolist() == []


def test_an_overlay_is_red_where_it_matters_and_keeps_the_picture(spot: np.ndarray) -> None:
    heat = np.zeros((32, 32), np.float32)
    heat[:, :16] = 0.95
    drawn = explanation.overlay(spot, heat)
    assert drawn.shape == spot.shape and drawn.dtype == np.uint8
    hot, cold = drawn[:, :16].mean((0, 1)), drawn[16:, 16:].mean((0, 1))
    assert hot[0] > hot[2] + 50 and cold[0] < hot[0]
    assert drawn[6, 22].mean() > drawn[20, 22].mean() + 50  # the spot can still be seen
