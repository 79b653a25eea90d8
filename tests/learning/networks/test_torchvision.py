"""torchvision's networks: one linear head, embeddings before it, pictures of the sizes they can take."""

import pytest
import torch
from torch import nn
from torchvision.models.vision_transformer import VisionTransformer

from nightsort.errors import ModelError
from nightsort.learning.networks.torchvision import AnySide, build, split_head


def pictures(side: int) -> torch.Tensor:
    """Noise, uint8 (2, 3, side, side)."""
    return torch.randint(0, 256, (2, 3, side, side), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v3_small", "googlenet", "squeezenet1_1", "shufflenet_v2_x0_5"])
def test_a_network_gets_a_linear_head(name: str) -> None:
    model = build(name, 5).eval()
    images = pictures(64)
    assert isinstance(model.head, nn.Linear) and model.head.out_features == 5
    assert model.embed(images).shape == (2, model.head.in_features)
    assert torch.equal(model.head(model.embed(images)), model(images))
    assert model(images).shape == (2, 5)


def test_a_network_without_a_linear_layer_is_refused() -> None:
    with pytest.raises(ModelError, match="Sequential has no linear layer"):
        split_head(nn.Sequential(nn.Conv2d(3, 4, 1)))


@pytest.fixture
def transformer() -> VisionTransformer:
    """A small one, for pictures of 32 px in patches of 8."""
    network = VisionTransformer(32, 8, 2, 2, 16, 32, num_classes=3).eval()
    nn.init.normal_(network.heads.head.weight)
    return network


def test_a_transformer_answers_as_torchvision_has_it(transformer: VisionTransformer) -> None:
    images = torch.rand(2, 3, 32, 32)
    expected = transformer(images)
    head = split_head(transformer).head
    torch.testing.assert_close(head(AnySide(transformer)(images)), expected)


@pytest.mark.parametrize("side", [16, 24, 64])
def test_a_transformer_takes_pictures_that_its_patches_fill(transformer: VisionTransformer, side: int) -> None:
    split_head(transformer)
    assert AnySide(transformer)(torch.rand(2, 3, side, side)).shape == (2, 16)


def test_a_transformer_refuses_a_picture_that_its_patches_do_not_fill(transformer: VisionTransformer) -> None:
    with pytest.raises(ValueError, match="the side has to be a multiple of 8"):
        AnySide(transformer)(torch.rand(2, 3, 30, 30))


def test_positions_are_resampled_in_their_order(transformer: VisionTransformer) -> None:
    body = AnySide(transformer)
    ramp = torch.arange(16.0).view(1, 16, 1)
    with torch.no_grad():
        transformer.encoder.pos_embedding.copy_(torch.cat((torch.full((1, 1, 1), -1.0), ramp), 1).expand(1, 17, 16))
    positions = body._positions(2, 2)[0, :, 0]
    torch.testing.assert_close(positions, torch.tensor([-1.0, 0.0, 3.0, 12.0, 15.0]))


@pytest.mark.filterwarnings("ignore")  # tracing says that it takes sizes for constants, which they are
def test_a_traced_transformer_takes_batches_of_another_size(transformer: VisionTransformer) -> None:
    split_head(transformer)
    body = AnySide(transformer).eval()
    images = torch.rand(5, 3, 16, 16)
    with torch.inference_mode():
        traced = torch.jit.trace(body, images[:2])
        torch.testing.assert_close(traced(images), body(images))
