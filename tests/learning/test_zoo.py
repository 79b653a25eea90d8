"""Networks by name: uint8 in, logits out, one linear head."""

import pytest
import torch

from nightsort.errors import ModelError
from nightsort.learning.zoo import build, names, split_head


def pictures(side, count=2):
    return torch.randint(0, 256, (count, 3, side, side), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("side", [16, 33, 96, 256])
def test_our_network_takes_small_and_large_pictures(side):
    assert build("small_resnet", 7).eval()(pictures(side)).shape == (2, 7)


def test_our_network_is_small():
    assert 100_000 < sum(p.numel() for p in build("small_resnet", 10).parameters()) < 500_000


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v3_small", "googlenet"])
def test_a_torchvision_network_gets_a_linear_head(name):
    model = build(name, 5).eval()
    images = pictures(64)
    assert isinstance(model.head, torch.nn.Linear)
    assert model.head.out_features == 5
    assert torch.equal(model.head(model.embed(images)), model(images))
    assert model(images).shape == (2, 5)


def test_bytes_and_floats_of_the_same_picture_score_alike():
    model, images = build("small_resnet", 3).eval(), pictures(32)
    assert torch.equal(model(images), model(images.float()))


def test_normalisation_travels_with_the_weights():
    model, images = build("small_resnet", 3).eval(), pictures(32)
    before = model(images)
    model.normalise_by(torch.tensor([10.0, 20.0, 30.0]), torch.tensor([5.0, 0.0, 7.0]))
    copy = build("small_resnet", 3).eval()
    copy.load_state_dict(model.state_dict())
    assert torch.equal(copy(images), model(images))
    assert not torch.equal(model(images), before)
    assert copy.std.flatten().tolist() == [5.0, 1.0, 7.0]


def test_an_unknown_name_is_answered_with_near_ones():
    with pytest.raises(ModelError, match=r"model: unknown name 'resnet19'; near it: .*resnet18"):
        build("resnet19", 3)


def test_every_name_can_be_asked_for():
    assert "small_resnet" in names()
    assert "resnet50" in names()
    assert not any(name.startswith("squeezenet") for name in names())


def test_a_network_without_a_linear_layer_is_refused():
    with pytest.raises(ModelError, match="Sequential has no linear layer"):
        split_head(torch.nn.Sequential(torch.nn.Conv2d(3, 4, 1)))
