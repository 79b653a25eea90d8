"""Mixing: soft targets that say what is in a picture, by the generator alone."""

import pytest
import torch
from torch import Tensor

from nightsort.config.training import PictureParams
from nightsort.learning.augmentation.mixing import mix

CLASSES = 3


def mixed(mixup: float, cutmix: float, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Six pictures, each of the one grey level that is its row, of classes 0, 1, 2, 0, 1, 2."""
    images = torch.arange(6.0).view(-1, 1, 1, 1).expand(-1, 3, 16, 16).contiguous()
    params = PictureParams(mixup=mixup, cutmix=cutmix)
    return mix(images, torch.arange(6) % CLASSES, CLASSES, params, torch.Generator().manual_seed(seed))


def levels(picture: Tensor) -> set[float]:
    return set(picture.flatten().tolist())


def test_without_mixing_pictures_stay_and_targets_are_whole() -> None:
    images, targets = mixed(0, 0)
    assert [levels(picture) for picture in images] == [{float(i)} for i in range(6)]
    assert torch.equal(targets, torch.eye(3).repeat(2, 1)) and targets.dtype == torch.float32


def test_mixup_blends_pairs_by_the_share_in_the_target() -> None:
    images, targets = mixed(1.0, 0)
    assert targets.sum(1).tolist() == pytest.approx([1] * 6)
    for row in range(6):
        other = (row - 1) % 6
        share = targets[row, row % CLASSES].item()
        assert 0 < share < 1
        assert images[row].flatten().tolist() == pytest.approx([share * row + (1 - share) * other] * 768, abs=1e-5)


def test_cutmix_pastes_a_rectangle_whose_area_is_the_share_in_the_target() -> None:
    images, targets = next(pair for pair in (mixed(0, 1.0, seed) for seed in range(20)) if len(levels(pair[0][3])) > 1)
    for row in range(6):
        assert levels(images[row]) == {float(row), float((row - 1) % 6)}
        assert (images[row] == row).float().mean().item() == pytest.approx(targets[row, row % CLASSES].item(), abs=1e-6)


def test_with_both_each_batch_takes_one() -> None:
    pasted = [levels(mixed(1.0, 1.0, seed)[0][3]) <= {2.0, 3.0} for seed in range(30)]
    assert 5 < sum(pasted) < 25


def test_the_generator_decides_and_the_global_one_is_left_alone() -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = mixed(1.0, 1.0)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    assert torch.equal(mixed(1.0, 1.0)[0], first[0])
    assert not torch.equal(mixed(1.0, 1.0, seed=1)[0], first[0])


def test_a_generator_draws_anew_for_every_batch() -> None:
    images, labels = torch.rand(4, 3, 8, 8), torch.arange(4) % CLASSES
    generator = torch.Generator().manual_seed(0)
    shares = [mix(images, labels, CLASSES, PictureParams(mixup=1.0), generator)[1] for _ in range(2)]
    assert not torch.equal(*shares)
