"""Offline augmentation: repeatable from what is written down, no black corners, the shape kept."""

import json
from typing import get_args

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightsort.images.augment import Step, apply, draw, perform
from nightsort.images.decode import Pixels
from nightsort.words import Operation

EVERY = get_args(Operation)


def scene(width: int = 80, height: int = 60) -> Pixels:
    """A picture without black: levels from 60 to 200."""
    coarse = np.random.default_rng(0).integers(60, 201, (6, 8, 3), dtype=np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)


def augmented(seed: int, operations: tuple[Operation, ...] = EVERY) -> tuple[Pixels, list[Step]]:
    return apply(scene(), operations, np.random.default_rng([7, seed]))


def test_a_seed_means_the_same_picture_and_another_seed_another() -> None:
    pictures = {augmented(seed)[0].tobytes() for seed in range(30)}
    assert len(pictures) == 30
    for seed in range(5):
        one, other = augmented(seed), augmented(seed)
        assert (one[0] == other[0]).all() and one[1] == other[1]


@given(st.integers(0, 2**32 - 1), st.sets(st.sampled_from(EVERY), min_size=1), st.integers(1, 60), st.integers(1, 60))
def test_what_is_written_down_makes_the_picture_again(
    seed: int, operations: set[Operation], width: int, height: int
) -> None:
    picture = scene(width, height)
    before = picture.copy()
    made, steps = apply(picture, sorted(operations), np.random.default_rng(seed))
    assert made.shape == picture.shape and made.dtype == np.uint8
    assert (picture == before).all()
    assert (perform(before, json.loads(json.dumps(steps))) == made).all()


def test_two_or_three_different_operations_are_done_and_every_one_has_its_turn() -> None:
    drawn = [[step["operation"] for step in augmented(seed)[1]] for seed in range(200)]
    assert {len(names) for names in drawn} == {2, 3}
    assert all(len(set(names)) == len(names) for names in drawn)
    assert {name for names in drawn for name in names} == set(EVERY)


def test_only_what_is_allowed_is_done_and_its_order_does_not_matter() -> None:
    for seed in range(20):
        names = {step["operation"] for step in augmented(seed, ("flip", "noise", "blur"))[1]}
        assert names <= {"flip", "noise", "blur"}
        assert augmented(seed, ("noise", "flip", "blur"))[1] == augmented(seed, ("blur", "noise", "flip"))[1]
    assert [step["operation"] for step in augmented(0, ("flip",))[1]] == ["flip"]
    assert draw([], np.random.default_rng(0)) == []


@pytest.mark.parametrize("operation", EVERY)
def test_each_operation_changes_the_picture_but_not_beyond_recognition(operation: Operation) -> None:
    made = [augmented(seed, (operation,))[0] for seed in range(10)]
    assert sum(bool((picture != scene()).any()) for picture in made) >= 9  # a scale of 1.0003 changes nothing
    assert max(abs(float(picture.mean()) - scene().mean()) for picture in made) < 45


@pytest.mark.parametrize("operation", ["rotate", "scale", "crop", "flip", "erase", "blur"])
def test_no_corner_turns_black(operation: Operation) -> None:
    for seed in range(20):
        assert augmented(seed, (operation,))[0].min() >= 59


def test_flipping_twice_gives_the_picture_back() -> None:
    flip: Step = {"operation": "flip"}
    assert (perform(scene(), [flip, flip]) == scene()).all()
    assert (perform(scene(), [flip]) == scene()[:, ::-1]).all()


def test_a_rotation_turns_about_the_middle() -> None:
    dot = np.zeros((61, 61, 3), np.uint8)
    dot[30, 50] = 255  # right of the middle; a quarter turn against the clock brings it above
    assert perform(dot, [{"operation": "rotate", "degrees": 90.0}])[10, 30, 0] > 200


def test_the_parameters_do_what_they_say() -> None:
    plain = np.full((50, 100, 3), (120, 100, 80), np.uint8)
    brighter = perform(plain, [{"operation": "jitter", "brightness": 1.1, "contrast": 1.0, "saturation": 1.0}])
    assert np.abs(brighter[0, 0].astype(int) - (132, 110, 88)).max() <= 1
    pale = perform(plain, [{"operation": "jitter", "brightness": 1.0, "contrast": 1.0, "saturation": 0.0}])
    assert np.ptp(pale) <= 1
    noisy = perform(plain, [{"operation": "noise", "sigma": 8.0, "seed": 3}])
    assert noisy.astype(float).std(axis=(0, 1)) == pytest.approx(8, rel=0.1)
    spot = np.where(np.arange(100)[None, :, None] < 50, 0, 200).repeat(50, 0).repeat(3, 2).astype(np.uint8)
    erased = perform(spot, [{"operation": "erase", "width": 0.2, "height": 0.4, "left": 0.0, "top": 1.0}])
    assert (erased != spot).any(axis=2).sum() == 20 * 20
    assert (erased[30:, :20] == 100).all()
    cut = perform(spot, [{"operation": "crop", "side": 0.5, "left": 1.0, "top": 0.0}])
    assert cut.shape == spot.shape and (cut == 200).all()
