"""Common corruptions: what they leave alone, that severity grows the change, whatever the picture's size."""

from itertools import pairwise

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from nightsort.evaluation.robustness.corruptions import NAMES, corrupt
from nightsort.evaluation.robustness.strength import SEVERITIES, between, length

Picture = NDArray[np.uint8]


def scene(side: int, seed: int = 0) -> Picture:
    """Coloured blobs of all sizes with edges: as rich as a photograph."""
    generator = np.random.default_rng(seed)
    values = np.zeros((side, side, 3), np.float32)
    for cells, share in ((2, 0.4), (4, 0.3), (8, 0.2), (side // 2, 0.1)):
        grid = generator.uniform(0, 255, (cells, cells, 3)).astype(np.float32)
        values += share * cv2.resize(grid, (side, side), interpolation=cv2.INTER_CUBIC)
    left, top, radius = (int(number) for number in generator.uniform(0.2, 0.8, 3) * side)
    cv2.circle(values, (left, top), radius // 2, (220, 60, 40), -1)
    return np.clip(values, 0, 255).astype(np.uint8)


def generator() -> np.random.Generator:
    return np.random.default_rng(7)


@pytest.mark.parametrize("side", [32, 64])
@pytest.mark.parametrize("name", NAMES)
def test_severity_grows_the_change(name: str, side: int) -> None:
    pictures = [scene(side, seed) for seed in range(10)]
    changes = []
    for severity in SEVERITIES:
        randomness = generator()
        changed = [corrupt(name, picture, severity, randomness) for picture in pictures]
        changes.append(np.mean([cv2.absdiff(a, b).mean() for a, b in zip(pictures, changed, strict=True)]))
    assert changes[0] > 0.3 and changes[4] > 1.25 * changes[0], changes
    # Pixelating to 28 and to 27 of 32 pixels is nearly the same.
    slack = 0.98 if name == "pixelate" else 1
    assert all(stronger > slack * weaker for weaker, stronger in pairwise(changes)), changes


@pytest.mark.parametrize("side", [16, 33, 96, 300])
@pytest.mark.parametrize("name", NAMES)
def test_a_picture_comes_out_in_its_shape_and_stays_itself(name: str, side: int) -> None:
    picture = scene(side)
    before = picture.copy()
    for severity in (1, 5):
        changed = corrupt(name, picture, severity, generator())
        assert changed.dtype == np.uint8 and changed.shape == picture.shape
        assert (changed != picture).any()
    assert (picture == before).all()


@pytest.mark.parametrize("name", NAMES)
def test_the_generator_alone_decides(name: str) -> None:
    picture = scene(32)
    once, again = (corrupt(name, picture, 3, generator()) for _ in range(2))
    assert (once == again).all()
    other = corrupt(name, picture, 3, np.random.default_rng(8))
    constant = {"defocus blur", "zoom blur", "brightness", "contrast", "pixelate", "JPEG"}
    assert (once == other).all() == (name in constant)


@pytest.mark.parametrize("name", sorted({*NAMES} - {"Gaussian noise", "shot noise", "impulse noise", "frost"}))
def test_grey_stays_grey(name: str) -> None:
    grey = scene(32)[..., :1].repeat(3, axis=2)
    changed = corrupt(name, grey, 5, generator()).astype(int)
    assert np.ptp(changed, axis=2).max() <= 2


@pytest.mark.parametrize("level", [0, 255])
@pytest.mark.parametrize("name", NAMES)
def test_black_and_white_are_no_special_case(name: str, level: int) -> None:
    plain = np.full((16, 16, 3), level, np.uint8)
    changed = corrupt(name, plain, 5, generator())
    assert changed.shape == plain.shape
    still = {"defocus blur", "glass blur", "motion blur", "zoom blur", "contrast", "elastic", "pixelate", "JPEG"}
    if name in still:
        assert (cv2.absdiff(changed, plain) <= 1).all()


def test_each_corruption_does_what_it_is_called() -> None:
    picture = scene(64)
    assert corrupt("brightness", picture, 5, generator()).mean() > picture.mean() + 40
    assert corrupt("contrast", picture, 5, generator()).std() < 0.5 * picture.std()
    assert abs(corrupt("contrast", picture, 5, generator()).mean() - picture.mean()) < 1
    sharp = cv2.Laplacian(picture, cv2.CV_32F).var()
    for name in ("defocus blur", "motion blur", "zoom blur", "fog"):
        assert cv2.Laplacian(corrupt(name, picture, 5, generator()), cv2.CV_32F).var() < 0.5 * sharp
    for name in ("Gaussian noise", "shot noise", "impulse noise"):
        assert cv2.Laplacian(corrupt(name, picture, 5, generator()), cv2.CV_32F).var() > 2 * sharp
    assert corrupt("snow", picture // 2, 5, generator()).mean() > picture.mean() / 2 + 40
    struck = (corrupt("impulse noise", np.full((64, 64, 3), 100, np.uint8), 1, generator()) != 100).mean()
    assert 0.01 < struck < 0.03
    blocks = corrupt("pixelate", picture, 5, generator())
    assert (np.diff(blocks.astype(int), axis=0) == 0).all(axis=(1, 2)).mean() > 0.3


def test_constants_are_those_of_the_two_benchmarks_at_their_sides() -> None:
    assert between(32, 0.04, 0.08) == pytest.approx(0.04) and between(224, 0.04, 0.08) == pytest.approx(0.08)
    assert between(16, 0.04, 0.08) == pytest.approx(0.04) and between(1024, 0.04, 0.08) == pytest.approx(0.08)
    assert 0.04 < between(96, 0.04, 0.08) < 0.08
    assert length(448, 1, 4) == pytest.approx(8) and length(96, 1, 4) == between(96, 1, 4)
