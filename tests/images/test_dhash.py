"""The difference hash: where a picture grows brighter."""

import cv2
import numpy as np
import pytest

from nightsort.images.dhash import dhash, gradients


def scene(seed: int, side: int = 96) -> np.ndarray:
    """A smooth picture with shapes of its own, uint8 (side, side, 3)."""
    noise = np.random.default_rng(seed).random((7, 7)).astype(np.float32) * 255
    grey = cv2.resize(noise, (side, side), interpolation=cv2.INTER_CUBIC).clip(0, 255).astype(np.uint8)
    return cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB)


def differing(one: tuple[int, int], other: tuple[int, int]) -> int:
    """Bits of 128 in which two hashes differ."""
    return sum(((a ^ b) & (2**64 - 1)).bit_count() for a, b in zip(one, other, strict=True))


def test_the_signs_are_those_of_the_slopes() -> None:
    ramp = np.tile(np.arange(0, 180, 2, np.uint8), (90, 1))
    rising = cv2.cvtColor(ramp, cv2.COLOR_GRAY2RGB)
    assert dhash(rising) == (-1, 0)  # all 64 bits to the right, none downwards
    assert dhash(np.ascontiguousarray(rising.transpose(1, 0, 2))) == (0, -1)
    right, down = gradients(rising)
    np.testing.assert_allclose(right, 20, atol=1)
    np.testing.assert_allclose(down, 0, atol=1e-3)


@pytest.mark.parametrize("seed", range(5))
def test_copies_are_near_and_other_pictures_far(seed: int) -> None:
    picture = scene(seed)
    darker = (picture * 0.6).astype(np.uint8)
    smaller = cv2.resize(picture, (50, 50), interpolation=cv2.INTER_AREA)
    coded = cv2.imdecode(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 60])[1], cv2.IMREAD_COLOR)
    for copy in (darker, smaller, coded):
        assert differing(dhash(picture), dhash(copy)) <= 10
    assert differing(dhash(picture), dhash(scene(seed + 100))) > 30


def test_any_size_will_do() -> None:
    for shape in ((1, 1, 3), (1, 500, 3), (32, 32, 3), (400, 3, 3)):
        assert dhash(np.full(shape, 90, np.uint8)) == (0, 0)
