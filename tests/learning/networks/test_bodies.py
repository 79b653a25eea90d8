"""Nightsort's own bodies: any side, the size that the papers say, and the whitening."""

import pytest
import torch
from torch import nn

from nightsort.learning.architecture import Network
from nightsort.learning.networks.resnet32 import Block, ResNet32Body
from nightsort.learning.networks.small import SmallBody
from nightsort.learning.networks.whitened import WhitenedBody
from nightsort.learning.zoo import build


def noise(count: int, side: int) -> torch.Tensor:
    """Normal, neighbours correlated, float32 (count, 3, side, side)."""
    rough = torch.randn(count, 3, side, side, generator=torch.Generator().manual_seed(0))
    return rough + 2 * rough.mean((2, 3), keepdim=True) + rough.roll(1, 3)


@pytest.mark.parametrize("body", [SmallBody, ResNet32Body, WhitenedBody])
@pytest.mark.parametrize("side", [16, 33, 64])
def test_a_body_takes_small_and_large_pictures(body: type[SmallBody], side: int) -> None:
    assert body().eval()(noise(2, side)).shape == (2, body.outputs)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("small_resnet", 310_106), ("resnet32", 464_154), ("whitened_net", 1_161_258)],
)
def test_a_network_has_the_size_it_says(name: str, parameters: int) -> None:
    model = build(Network(name=name), 10)
    assert sum(parameter.numel() for parameter in model.parameters()) == parameters


def test_resnet32_has_32_layers_with_weights() -> None:
    layers = [
        layer for layer in build(Network(name="resnet32"), 10).modules() if isinstance(layer, nn.Conv2d | nn.Linear)
    ]
    assert len(layers) == 32


def test_the_shortcut_takes_every_second_pixel_and_adds_channels_of_zeros() -> None:
    block = Block(2, 4, 2).eval()
    for layer in block.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.zeros_(layer.weight)
    x = noise(1, 6)[:, :2].abs()
    out = block(x)
    assert torch.equal(out[:, 1:3], x[:, :, ::2, ::2]) and not out[:, [0, 3]].any()


def test_whitening_makes_patches_uncorrelated_and_of_unit_variance() -> None:
    body, images = WhitenedBody(), noise(40, 16)
    body.adapt(images)
    values = body.whitening(images)[:, :12].permute(0, 2, 3, 1).reshape(-1, 12)
    torch.testing.assert_close(values.T @ values / len(values), torch.eye(12), atol=0.02, rtol=0)
    assert torch.equal(body.whitening.weight[12:], -body.whitening.weight[:12])


def test_whitening_is_not_trained_but_saved() -> None:
    model = build(Network(name="whitened_net"), 3)
    model.adapt(torch.randint(0, 256, (4, 3, 16, 16), dtype=torch.uint8))
    model(noise(4, 16)).sum().backward()
    assert model.body.get_parameter("whitening.weight").grad is None
    assert "body.whitening.weight" in model.state_dict()


def test_one_picture_of_one_colour_can_be_whitened() -> None:
    body = WhitenedBody()
    body.adapt(torch.zeros(1, 3, 16, 16))
    assert body.whitening.weight.isfinite().all()
