"""The gentle augmentation: same shape and range, another picture, by the generator alone."""

import pytest
import torch

from nightsort.learning.augmentation.gentle import Gentle
from nightsort.words import Flip

STILL = {"degrees": 0, "shift": 0, "zoom": 0, "brightness": 0, "contrast": 0}


def pictures(count: int = 8) -> torch.Tensor:
    return torch.randint(0, 256, (count, 3, 20, 20), dtype=torch.uint8, generator=torch.Generator().manual_seed(5))


def test_bytes_become_floats_in_the_same_range() -> None:
    changed = Gentle(brightness=0.9, contrast=0.9)(pictures(), torch.Generator().manual_seed(0))
    assert changed.shape == (8, 3, 20, 20)
    assert changed.dtype == torch.float32
    assert changed.min() >= 0
    assert changed.max() <= 255


def test_the_generator_decides_and_the_global_one_does_not() -> None:
    torch.manual_seed(1)
    first = Gentle(flip="both")(pictures(), torch.Generator().manual_seed(0))
    torch.manual_seed(2)
    again = Gentle(flip="both")(pictures(), torch.Generator().manual_seed(0))
    other = Gentle(flip="both")(pictures(), torch.Generator().manual_seed(1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_each_picture_of_a_batch_changes_on_its_own() -> None:
    same = pictures(1).repeat(4, 1, 1, 1)
    changed = Gentle()(same, torch.Generator().manual_seed(0))
    assert len({tuple(picture.flatten().tolist()) for picture in changed}) == 4


def test_without_strength_nothing_changes() -> None:
    changed = Gentle(**STILL)(pictures(), torch.Generator().manual_seed(0))
    assert torch.allclose(changed, pictures().float(), atol=1e-2)


@pytest.mark.parametrize(("flip", "axes"), [("horizontal", {(), (3,)}), ("both", {(), (2,), (3,), (2, 3)})])
def test_flips_mirror_along_the_axes_named_and_no_other(flip: Flip, axes: set[tuple[int, ...]]) -> None:
    images = pictures(64)
    changed = Gentle(flip=flip, **STILL)(images, torch.Generator().manual_seed(0))
    mirrored = {a: images.float().flip(list(a)) for a in axes}
    seen = {a for i in range(64) for a, m in mirrored.items() if torch.allclose(changed[i], m[i], atol=1e-2)}
    assert seen == axes
    assert all(any(torch.allclose(changed[i], m[i], atol=1e-2) for m in mirrored.values()) for i in range(64))


def test_contrast_keeps_the_mean_and_brightness_moves_it() -> None:
    grey = torch.full((6, 3, 8, 8), 100.0)
    generator = torch.Generator().manual_seed(0)
    assert torch.allclose(Gentle(**{**STILL, "contrast": 0.5})(grey, generator), grey, atol=1e-2)
    moved = Gentle(**{**STILL, "brightness": 0.2})(grey, generator).mean((1, 2, 3))
    assert ((moved - 100).abs() <= 51.01).all()
    assert moved.std() > 1
