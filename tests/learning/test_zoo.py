"""Models by name: uint8 in, logits out, and a clear word where there is none."""

import pytest
import torch
from torch import Tensor

from nightsort.errors import ModelError
from nightsort.learning.architecture import Ensemble, Network
from nightsort.learning.zoo import SMALL, build, names


def pictures(side: int, count: int = 2) -> Tensor:
    """Noise, uint8 (count, 3, side, side)."""
    return torch.randint(0, 256, (count, 3, side, side), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def test_bytes_and_floats_of_the_same_picture_score_alike() -> None:
    model, images = build(Network(name=SMALL), 3).eval(), pictures(32)
    assert torch.equal(model(images), model(images.float()))


def test_normalisation_travels_with_the_weights() -> None:
    model, images = build(Network(name=SMALL), 3).eval(), pictures(32)
    before = model(images)
    model.normalise_by(torch.tensor([10.0, 20.0, 30.0]), torch.tensor([5.0, 0.0, 7.0]))
    copy = build(Network(name=SMALL), 3).eval()
    copy.load_state_dict(model.state_dict())
    assert torch.equal(copy(images), model(images))
    assert not torch.equal(model(images), before)
    assert copy.std.flatten().tolist() == [5.0, 1.0, 7.0]


def test_adapting_takes_the_normalisation_from_pictures() -> None:
    model, images = build(Network(name=SMALL), 3), pictures(16, 5)
    model.adapt(images)
    seen = (images.float() - model.mean) / model.std
    torch.testing.assert_close(seen.mean((0, 2, 3)), torch.zeros(3), atol=1e-4, rtol=0)
    torch.testing.assert_close(seen.std((0, 2, 3)), torch.ones(3))


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("resnet19", "resnet18"),
        ("mobilnet_v3_small", "mobilenet_v3_small"),
        ("decisiontree", "decision-tree"),
        ("WhitenedNet", "whitened_net"),
    ],
)
def test_an_unknown_name_is_answered_with_near_ones(name: str, near: str) -> None:
    with pytest.raises(ModelError, match=rf"model: unknown name '{name}'; near it: (.*, )?{near}[,;]") as raised:
        build(Network(name=name), 3)
    assert len(raised.value.lines) == 1


def test_a_name_like_nothing_is_answered_with_what_there_is() -> None:
    with pytest.raises(ModelError, match=r"near it: small_resnet, .*; allowed are small_resnet, resnet32, w"):
        build(Network(name="?"), 3)


def test_a_classical_name_is_no_network() -> None:
    with pytest.raises(ModelError, match="'svm' is no network; networks are small_resnet"):
        build(Network(name="svm"), 3)


def test_every_name_is_listed_once() -> None:
    known = names()
    assert {SMALL, "resnet32", "whitened_net", "svm", "resnet50", "squeezenet1_0"} <= set(known)
    assert len(known) == len(set(known))


def test_ensembles_are_built_whatever_they_are_made_of() -> None:
    inner = Ensemble(combine="vote", members=[Network(name=SMALL), Network(name="whitened_net", head="cosine")])
    model = build(Ensemble(combine="mean", members=[inner, Network(name="resnet32")]), 4).eval()
    assert model(pictures(16)).shape == (2, 4) and model.embed(pictures(16)).shape == (2, 8)
