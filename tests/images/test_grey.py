"""The small grey copy: halved by whole blocks, never below the side that was asked for."""

import cv2
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nightsort.images.grey import grey


@given(st.integers(1, 400), st.integers(1, 400), st.integers(1, 100))
def test_the_shorter_side_stays_at_the_wanted_one_or_more_and_below_its_double(
    width: int, height: int, side: int
) -> None:
    levels = grey(np.full((height, width, 3), 77, np.uint8), side)
    assert levels.dtype == np.uint8 and (levels == 77).all()
    assert min(side, width, height) <= min(levels.shape) < max(2 * side, min(width, height) + 1)
    assert min(levels.shape) < 2 * side


def test_a_small_picture_is_only_made_grey() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    assert (grey(picture, 16) == cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)).all()


def test_halving_takes_the_mean_of_each_block_and_leaves_an_odd_edge_out() -> None:
    levels = np.random.default_rng(0).integers(0, 256, (65, 97), dtype=np.uint8)
    halved = grey(levels[..., None].repeat(3, 2), 32)
    blocks = levels[:64, :96].reshape(32, 2, 48, 2).mean(axis=(1, 3))
    assert halved.shape == (32, 48)
    assert np.abs(halved - blocks).max() <= 0.5
