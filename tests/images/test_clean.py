"""Cleaning: nothing by default, each step alone and in its order, regions clipped or refused."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from nightsort.config.intake import IngestParams
from nightsort.errors import PictureError
from nightsort.images.clean import Cleaning
from nightsort.images.decode import Pixels

NOTHING = Cleaning()


def noise(height: int = 60, width: int = 80, seed: int = 0) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_by_default_the_very_array_comes_back() -> None:
    picture = noise()
    assert NOTHING(picture) is picture
    assert NOTHING(picture, "0,0,80,60") is picture
    assert Cleaning(orient=False)(picture) is picture


def test_every_step_is_a_parameter_of_ingest_and_has_its_bounds() -> None:
    assert set(Cleaning.model_fields) <= set(IngestParams.model_fields)
    for wrong in ({"denoise": -1}, {"denoise": 31}, {"equalize": 41}, {"colour": "bgr"}, {"crop": "all"}, {"blur": 1}):
        with pytest.raises(ValidationError):
            Cleaning.model_validate(wrong)


@pytest.mark.parametrize(
    ("roi", "rows", "columns"),
    [
        ("10,20,30,25", slice(20, 45), slice(10, 40)),
        (" 10.4, 19.6 ,30,25", slice(20, 45), slice(10, 40)),
        ("-5,-5,20,20", slice(0, 15), slice(0, 15)),
        ("70,50,1000,1000", slice(50, 60), slice(70, 80)),
    ],
)
def test_a_region_of_interest_is_cut_out_and_clipped(roi: str, rows: slice, columns: slice) -> None:
    picture = noise()
    region = NOTHING(picture, roi)
    assert (region == picture[rows, columns]).all()
    assert region.flags.c_contiguous and region.base is not picture


@pytest.mark.parametrize("roi", ["80,0,5,5", "0,60,5,5", "-9,0,9,5", "3,3,0,5", "3,3,-2,5", "1e18,0,5,5"])
def test_a_region_outside_the_picture_is_refused(roi: str) -> None:
    with pytest.raises(PictureError, match=r"corrupt: region of interest '.*holds no pixel of this 80x60 picture"):
        NOTHING(noise(), roi)


@pytest.mark.parametrize("roi", ["1,2,3", "1,2,3,4,5", "a,b,c,d", "nan,0,5,5", "0,0,inf,5", "1;2;3;4"])
def test_a_region_that_is_not_four_numbers_is_refused(roi: str) -> None:
    with pytest.raises(PictureError, match=r"corrupt: .*must be left,top,width,height in pixels"):
        NOTHING(noise(), roi)


def on_ground(height: int, width: int, box: tuple[int, int, int, int]) -> Pixels:
    """A bright object on a dark, slightly noisy ground; the box is left, top, width, height."""
    picture = np.random.default_rng(0).integers(20, 32, (height, width, 3), dtype=np.uint8)
    left, top, wide, high = box
    picture[top : top + high, left : left + wide] = (200, 160, 90)
    return picture


@given(st.integers(0, 40), st.integers(0, 40), st.integers(14, 50), st.integers(14, 50), st.sampled_from([1, 4]))
def test_the_crop_holds_the_object_and_little_else(left: int, top: int, wide: int, high: int, scale: int) -> None:
    box = (10 + left) * scale, (10 + top) * scale, wide * scale, high * scale
    picture = on_ground(120 * scale, 130 * scale, box)
    cropped = Cleaning(crop="foreground")(picture)
    bright = (picture[..., 0] > 100).sum()
    assert (cropped[..., 0] > 100).sum() == bright
    slack = 2 * (0.05 * max(wide, high) + 4) * scale
    assert cropped.shape[0] <= high * scale + slack and cropped.shape[1] <= wide * scale + slack


def test_of_two_objects_the_larger_is_kept() -> None:
    picture = on_ground(100, 100, (10, 10, 40, 40))
    picture[80:90, 80:90] = 250
    assert (Cleaning(crop="foreground")(picture) < 240).all()


@pytest.mark.parametrize(
    "picture",
    [
        np.full((50, 60, 3), 90, np.uint8),
        np.random.default_rng(0).integers(90, 100, (50, 60, 3), dtype=np.uint8),
        np.linspace(0, 255, 60).astype(np.uint8)[None, :, None].repeat(50, 0).repeat(3, 2),
        on_ground(50, 60, (0, 0, 60, 30)),
        np.zeros((1, 1, 3), np.uint8),
        np.zeros((1, 400, 3), np.uint8),
    ],
    ids=["plain", "faint noise", "gradient", "half and half", "one pixel", "one row"],
)
def test_without_a_clear_foreground_the_picture_stays_whole(picture: Pixels) -> None:
    assert Cleaning(crop="foreground")(picture) is picture


def test_denoising_takes_noise_away_and_keeps_colours() -> None:
    plain = np.full((48, 48, 3), (180, 90, 40), np.uint8)
    noisy = np.clip(plain + np.random.default_rng(0).normal(0, 8, plain.shape), 0, 255).astype(np.uint8)
    cleaned = Cleaning(denoise=10)(noisy)
    assert cleaned.std(axis=(0, 1)).max() < noisy.std(axis=(0, 1)).min() / 2
    assert np.abs(cleaned.mean(axis=(0, 1)) - (180, 90, 40)).max() < 3


def test_equalising_raises_contrast_and_keeps_hue() -> None:
    levels = np.random.default_rng(0).integers(100, 140, (64, 64))
    dull = (levels[..., None] * (1.0, 0.8, 0.5)).astype(np.uint8)
    cleaned = Cleaning(equalize=4)(dull)
    assert cleaned[..., 0].std() > 1.5 * dull[..., 0].std()
    assert (cleaned[..., 0] > cleaned[..., 2]).mean() > 0.99


def test_grey_is_three_equal_channels() -> None:
    picture = noise()
    cleaned = Cleaning(colour="grey")(picture)
    assert cleaned.shape == picture.shape and (cleaned == cleaned[..., :1]).all()
    assert (cleaned[..., 0] == cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)).all()
    assert (Cleaning(colour="grey")(cleaned) == cleaned).all()


def test_steps_are_taken_in_the_order_that_is_documented() -> None:
    picture = on_ground(90, 100, (20, 20, 30, 30))
    step_by_step = picture
    roi = "5,5,80,80"
    for step in (Cleaning(crop="foreground"), Cleaning(denoise=5), Cleaning(equalize=2), Cleaning(colour="grey")):
        step_by_step = step(step_by_step, roi if step.crop != "none" else None)
    every = Cleaning(crop="foreground", denoise=5, equalize=2, colour="grey")
    assert (every(picture, roi) == step_by_step).all()


@given(
    st.integers(1, 40),
    st.integers(1, 40),
    st.builds(
        Cleaning,
        crop=st.sampled_from(["none", "foreground", "saliency"]),
        denoise=st.sampled_from([0, 3]),
        equalize=st.sampled_from([0, 2]),
        colour=st.sampled_from(["rgb", "grey"]),
    ),
)
def test_any_shape_comes_out_as_rgb_bytes_and_the_original_is_not_changed(
    width: int, height: int, cleaning: Cleaning
) -> None:
    picture = noise(height, width, seed=width)
    before = picture.copy()
    cleaned = cleaning(picture)
    assert cleaned.dtype == np.uint8 and cleaned.ndim == 3 and cleaned.shape[2] == 3 and cleaned.size
    assert (picture == before).all()
    assert (cleaning(picture) == cleaned).all()
