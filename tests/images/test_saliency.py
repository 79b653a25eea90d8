"""The saliency crop: it holds the odd one out of a cluttered scene, and leaves alone what has none."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from nightsort.images.clean import Cleaning
from nightsort.images.preprocess import Preprocessing
from nightsort.images.saliency import box, saliency

Picture = NDArray[np.uint8]
GROUNDS = ["stripes", "checks", "gravel", "smooth"]
HIGH, WIDE = 180, 240
CROP = Cleaning(crop="saliency")


def ground(kind: str, seed: int) -> NDArray[np.float64]:
    """A cluttered scene without an object, (HIGH, WIDE, 3), 0 to 255."""
    generator = np.random.default_rng(seed)
    rows, columns = np.mgrid[:HIGH, :WIDE]
    values = np.full((HIGH, WIDE, 3), 120.0)
    if kind == "stripes":
        values += 60 * np.sin(columns * 2 * np.pi / 14)[..., None]
    elif kind == "checks":
        values += 70 * ((rows // 12 + columns // 12) % 2)[..., None] - 30
    elif kind == "gravel":
        for _ in range(250):
            place = int(generator.integers(WIDE)), int(generator.integers(HIGH))
            cv2.circle(values, place, int(generator.integers(2, 5)), generator.uniform(60, 180, 3).tolist(), -1)
    else:
        values = cv2.resize(generator.uniform(40, 200, (5, 5, 3)), (WIDE, HIGH), interpolation=cv2.INTER_CUBIC)
    return values + generator.normal(0, 5, values.shape)


def scene(kind: str, seed: int) -> tuple[Picture, Picture]:
    """The scene with an ellipse somewhere, and the mask of the ellipse."""
    generator = np.random.default_rng(seed + 100)
    wide, high = (int(size) for size in generator.integers(24, 70, 2))
    middle = int(generator.integers(wide, WIDE - wide)), int(generator.integers(high, HIGH - high))
    values, mask = ground(kind, seed), np.zeros((HIGH, WIDE), np.uint8)
    colour = [[240, 30, 20], [20, 30, 230], [250, 240, 40], [250, 250, 250]][seed % 4]
    cv2.ellipse(values, middle, (wide // 2, high // 2), 0, 0, 360, colour, -1)
    cv2.ellipse(mask, middle, (wide // 2, high // 2), 0, 0, 360, 1, -1)
    return np.clip(values, 0, 255).astype(np.uint8), mask


@pytest.mark.parametrize("kind", GROUNDS)
def test_the_object_is_in_the_box_and_the_box_is_small(kind: str) -> None:
    held, areas = [], []
    for seed in range(20):
        picture, mask = scene(kind, seed)
        found = box(picture)
        left, top, wide, high = found or (0, 0, WIDE, HIGH)
        assert left >= 0 and top >= 0 and left + wide <= WIDE and top + high <= HIGH
        held.append(mask[top : top + high, left : left + wide].sum() / mask.sum())
        areas.append(wide * high / (WIDE * HIGH))
    assert sum(share > 0.95 for share in held) >= 19  # a red object may lie on red ground
    assert np.mean(areas) < 0.4 and np.median(areas) < 0.3


@pytest.mark.parametrize("kind", GROUNDS)
def test_without_an_object_most_pictures_stay_whole(kind: str) -> None:
    pictures = [np.clip(ground(kind, seed), 0, 255).astype(np.uint8) for seed in range(20)]
    assert sum(CROP(picture) is picture for picture in pictures) >= 18


@pytest.mark.parametrize("shape", [(1, 1), (1, 400), (400, 1), (2, 3), (16, 16), (50, 60)])
def test_plain_and_tiny_pictures_stay_whole_or_keep_a_pixel(shape: tuple[int, int]) -> None:
    plain = np.full((*shape, 3), 90, np.uint8)
    assert CROP(plain) is plain
    noise = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    assert CROP(noise).size


def test_saliency_has_the_form_of_the_picture_and_peaks_at_the_object() -> None:
    picture, mask = scene("stripes", 0)
    found = saliency(picture)
    assert found.shape == (48, 64) and found.dtype == np.float32 and found.min() >= 0
    row, column = np.unravel_index(found.argmax(), found.shape)
    near = cv2.dilate(mask, np.ones((15, 15), np.uint8))
    assert near[int((row + 0.5) * HIGH / 48), int((column + 0.5) * WIDE / 64)]
    assert (saliency(picture) == found).all()


def test_a_region_of_interest_is_cut_out_before_the_crop_looks() -> None:
    left, _ = scene("stripes", 0)
    right, mask = scene("stripes", 1)
    both = np.hstack([left, right])
    by_hand = CROP(right)
    assert (CROP(both, f"{WIDE},0,{WIDE},{HIGH}") == by_hand).all()
    assert by_hand.size < right.size and mask.any()


def test_scoring_crops_as_ingest_did() -> None:
    picture, _ = scene("checks", 3)
    kept = CROP(picture)
    scored = Preprocessing(256, 32, Cleaning.model_validate(CROP.model_dump()))
    assert (scored(picture) == Preprocessing(256, 32).of_stored(kept)).all()
    assert (
        len({Preprocessing(256, 32, Cleaning(crop=crop)).version for crop in ("none", "foreground", "saliency")}) == 3
    )
    assert CROP.needs_whole
