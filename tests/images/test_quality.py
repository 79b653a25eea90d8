"""Measures: the columns of the schema, each telling what it is named after, finite for every picture."""

import math

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightsort.images.decode import Decoded, Pixels
from nightsort.images.preprocess import reduce
from nightsort.images.quality import measure as measure_decoded
from nightsort.schema import MEASURES


def grey(levels: np.ndarray) -> Pixels:
    return np.repeat(levels.astype(np.uint8)[..., None], 3, 2)


def measure(picture: Pixels) -> dict[str, float]:
    return measure_decoded(Decoded.whole(picture))


DOTS = grey(np.indices((64, 64)).sum(0) % 2 * 255)


@given(st.integers(1, 300), st.integers(1, 300), st.integers(0, 2**32 - 1), st.integers(1, 256))
def test_every_picture_has_every_measure_and_all_are_finite(width: int, height: int, seed: int, levels: int) -> None:
    picture = np.random.default_rng(seed).integers(0, levels, (height, width, 3), dtype=np.uint8)
    measures = measure(picture)
    assert list(measures) == MEASURES.names
    assert all(math.isfinite(value) for value in measures.values())
    assert (measures["width"], measures["height"], measures["aspect"]) == (width, height, width / height)
    assert 0 <= measures["brightness"] <= 255 and 0 <= measures["contrast"] <= 127.5
    assert 0 <= measures["entropy"] <= 8 and measures["sharpness"] >= 0


@pytest.mark.parametrize("level", [0, 100, 255])
def test_a_plain_picture_is_as_bright_as_it_is_and_has_nothing_else(level: int) -> None:
    measures = measure(np.full((20, 30, 3), level, np.uint8))
    assert measures["brightness"] == level
    assert [measures[name] for name in ("sharpness", "contrast", "entropy")] == [0, 0, 0]
    assert math.copysign(1, measures["entropy"]) == 1  # no negative zero in a report


def test_entropy_counts_levels_in_bits() -> None:
    for bits in range(9):
        assert measure(grey(np.arange(64 * 64).reshape(64, 64) % 2**bits))["entropy"] == pytest.approx(bits)


def test_contrast_is_the_standard_deviation_of_the_grey_levels() -> None:
    assert measure(DOTS)["contrast"] == pytest.approx(127.5)
    levels = np.random.default_rng(0).integers(0, 256, (40, 50))
    assert measure(grey(levels))["contrast"] == pytest.approx(levels.std())


def test_sharpness_is_the_variance_of_the_laplacian_and_falls_with_blur() -> None:
    noise = grey(np.random.default_rng(0).integers(0, 256, (60, 80)))
    expected = cv2.Laplacian(noise[..., 0], cv2.CV_64F).var()
    assert measure(noise)["sharpness"] == pytest.approx(expected)
    blurred = [measure(cv2.GaussianBlur(noise, (0, 0), sigma))["sharpness"] for sigma in (0.5, 1, 2, 4)]
    assert sorted(blurred, reverse=True) == blurred and blurred[0] < expected


def test_brightness_weighs_colours_as_the_eye_does() -> None:
    red, green, blue = (measure(np.full((9, 9, 3), colour, np.uint8))["brightness"] for colour in np.eye(3) * 255)
    assert green > red > blue


@pytest.mark.parametrize("shorter", [300, 400, 511, 512, 700, 1100])
def test_a_large_picture_is_measured_nearly_as_its_smaller_copy_is(shorter: int) -> None:
    rng = np.random.default_rng(0)
    coarse = cv2.resize(rng.integers(0, 256, (80, 120, 3), dtype=np.uint8), (1800, 1200), interpolation=cv2.INTER_CUBIC)
    large = cv2.resize(coarse, (shorter * 3 // 2, shorter), interpolation=cv2.INTER_AREA)
    one, other = measure(reduce(large, 256)), measure(large)
    assert (other["width"], other["height"]) == (shorter * 3 // 2, shorter)
    assert other["sharpness"] == pytest.approx(one["sharpness"], rel=0.5)
    for name in ("brightness", "contrast", "entropy"):
        assert other[name] == pytest.approx(one[name], rel=0.05)


def test_a_measured_picture_is_not_changed() -> None:
    before = DOTS.copy()
    measure(DOTS)
    assert (before == DOTS).all()
