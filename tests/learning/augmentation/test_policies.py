"""Augmentation by name: what each knob changes, by the generator alone."""

import pytest
import torch
from torch import Tensor

from nightsort.config.training import PictureParams
from nightsort.learning.augmentation.policies import Crop, Erasing, augmentation

PLAIN = {"augment": "none", "flip": "none", "mixup": 0}


def pictures(count: int = 16, side: int = 32) -> Tensor:
    """Smooth pictures, as a photograph is."""
    coarse = torch.rand(count, 3, 4, 4, generator=torch.Generator().manual_seed(5))
    return (255 * torch.nn.functional.interpolate(coarse, (side, side), mode="bilinear")).to(torch.uint8)


def changed(images: Tensor, seed: int = 0, **knobs: object) -> Tensor:
    params = PictureParams.model_validate({**PLAIN, **knobs})
    return augmentation(params)(images, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("side", [17, 64])
@pytest.mark.parametrize("name", ["none", "gentle", "trivial", "rand", "auto"])
def test_each_gives_floats_in_the_same_range_by_the_generator_alone(name: str, side: int) -> None:
    images, knobs = pictures(side=side), {"augment": name, "erasing": 0.5, "noise": 60.0, "flip": "horizontal"}
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = changed(images, **knobs)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    assert first.dtype == torch.float32 and first.shape == images.shape
    assert first.min() == 0 and first.max() == 255  # the noise alone would leave the range
    assert torch.equal(first, changed(images, **knobs))
    assert not torch.equal(first, changed(images, seed=1, **knobs))
    assert torch.equal(images, pictures(side=side))


def test_without_any_knob_nothing_changes() -> None:
    assert torch.equal(changed(pictures()), pictures().float())


@pytest.mark.parametrize("name", ["trivial", "rand", "auto"])
def test_a_policy_treats_parts_of_a_batch_apart(name: str) -> None:
    same = pictures(1).repeat(64, 1, 1, 1)
    assert len({tuple(picture.flatten().tolist()) for picture in changed(same, augment=name)}) > 32


def test_every_batch_is_drawn_anew() -> None:
    change, generator = augmentation(PictureParams(augment="trivial")), torch.Generator().manual_seed(0)
    assert not torch.equal(change(pictures(), generator), change(pictures(), generator))


def test_a_crop_moves_by_an_eighth_at_most_and_reflects_the_edge() -> None:
    line = torch.arange(32).expand(64, 3, 32, 32).to(torch.uint8)
    moved = Crop()(line, torch.Generator().manual_seed(0))[:, 0, 0].int()
    ends = [list(range(d, 32)) + list(range(30, 30 - d, -1)) for d in range(5)]
    possible = {tuple(end) for end in ends} | {tuple(31 - value for value in end[::-1]) for end in ends}
    seen = {tuple(row.tolist()) for row in moved}
    assert seen == possible


@pytest.mark.parametrize(
    ("flip", "axes"), [("none", {()}), ("horizontal", {(), (3,)}), ("both", {(), (2,), (3,), (2, 3)})]
)
def test_flips_mirror_along_the_axes_named_and_no_other(flip: str, axes: set[tuple[int, ...]]) -> None:
    images = pictures(64)
    found = changed(images, flip=flip)
    mirrored = {each: images.float().flip(list(each)) for each in axes}
    ways = [{each for each in axes if torch.equal(found[i], mirrored[each][i])} for i in range(64)]
    assert all(len(each) == 1 for each in ways)
    assert set().union(*ways) == axes


def test_a_policy_flips_too() -> None:
    images = torch.arange(32).expand(64, 3, 32, 32).to(torch.uint8)  # brighter to the right
    for flip, least in (("none", 0), ("horizontal", 16)):
        found = changed(images, augment="rand", flip=flip)
        assert least <= (found[..., 24:].mean((1, 2, 3)) < found[..., :8].mean((1, 2, 3))).sum() <= least * 3


def test_erasing_takes_one_rectangle_from_a_share_of_the_pictures() -> None:
    images = torch.full((400, 3, 32, 32), 300.0)  # outside the range, so that noise is never equal to it
    lost = (Erasing(0.25)(images, torch.Generator().manual_seed(0)) != 300).all(1)
    hit = lost.flatten(1).any(1)
    assert 60 < hit.sum() < 140
    shares = []
    for picture in lost[hit]:
        rows, columns = picture.any(1), picture.any(0)
        assert torch.equal(picture, rows[:, None] & columns[None, :])
        for line in (rows, columns):
            assert (line.int().diff().abs().sum() + line[0].int() + line[-1].int()) == 2  # one stretch
        shares.append(picture.float().mean().item())
    assert len(set(shares)) > 20 and min(shares) > 0.01 and max(shares) < 0.37


def test_noise_has_the_deviation_asked_for() -> None:
    grey = torch.full((8, 3, 32, 32), 128, dtype=torch.uint8)
    difference = changed(grey, noise=10) - 128
    assert difference.std().item() == pytest.approx(10, rel=0.05)
    assert difference.mean().item() == pytest.approx(0, abs=0.3)
