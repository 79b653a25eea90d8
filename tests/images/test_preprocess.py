"""What the model sees in training is what it sees when scoring; a version for every way to see."""

from collections.abc import Callable
from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from nightsort.images import preprocess
from nightsort.images.decode import decode, picture_format
from nightsort.images.preprocess import Preprocessing, encode_for_store, load, reduce, stretch

CAP = 10**8
SEEN = Preprocessing(store_side=64, image_size=48)


def trained_on(data: bytes, store_side: int) -> np.ndarray:
    """The way of a labelled picture: decoded, kept in the dataset, decoded again, made ready."""
    kept = encode_for_store(data, decode(data, CAP), store_side)
    return load(kept, SEEN, CAP)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF"])
def test_a_picture_kept_as_it_is_looks_the_same_in_training_and_scoring(
    kind: str, picture: Callable[..., bytes]
) -> None:
    data = picture(kind=kind, width=90, height=64)
    assert encode_for_store(data, decode(data, CAP), 64) == data
    assert (trained_on(data, 64) == load(data, SEEN, CAP)).all()


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "BMP", "TIFF", "GIF"])
def test_a_reduced_picture_that_was_no_jpeg_looks_the_same(kind: str, picture: Callable[..., bytes]) -> None:
    data = picture(kind=kind, width=200, height=131)
    kept = encode_for_store(data, decode(data, CAP), 64)
    assert picture_format(kept) == "PNG"
    assert (trained_on(data, 64) == load(data, SEEN, CAP)).all()


def test_a_reduced_jpeg_looks_the_same_within_one_grey_level(picture: Callable[..., bytes]) -> None:
    for seed in range(5):
        data = picture(seed, kind="JPEG", width=200, height=131)
        assert picture_format(encode_for_store(data, decode(data, CAP), 64)) == "JPEG"
        off = np.abs(trained_on(data, 64).astype(int) - load(data, SEEN, CAP))
        assert off.mean() <= 1
        assert off.max() <= 8


def test_what_is_kept_is_upright_and_has_no_orientation_left(picture: Callable[..., bytes]) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = picture(kind="JPEG", width=200, height=130, exif=exif)
    picture_ = decode(data, CAP)
    assert picture_.shape == (200, 130, 3)
    assert decode(encode_for_store(data, picture_, 65), CAP).shape == (100, 65, 3)


def test_the_version_changes_with_every_setting_and_with_the_code(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {field.name: getattr(SEEN, field.name) for field in fields(Preprocessing)}
    others = {replace(SEEN, **{name: value + 1}).version for name, value in settings.items()}
    assert len({SEEN.version, *others}) == 1 + len(settings)
    assert Preprocessing(**settings).version == SEEN.version
    before = SEEN.version
    monkeypatch.setattr(preprocess, "_REVISION", preprocess._REVISION + 1)
    assert SEEN.version != before


def test_the_pixels_of_the_revision_are_as_recorded() -> None:
    """If this fails, the pixels changed: raise `_REVISION`, or champions would be fed what they never saw."""
    ramp = (np.arange(5 * 7 * 3, dtype=np.uint8) * 2).reshape(5, 7, 3)
    assert preprocess._REVISION == 1
    assert Preprocessing(4, 2)(ramp)[..., 0].tolist() == [[41, 62], [142, 163]]


def test_equal_settings_do_not_depend_on_the_order_they_are_named_in() -> None:
    assert Preprocessing(image_size=48, store_side=64).version == SEEN.version
    assert Preprocessing(store_side=48, image_size=64).version != SEEN.version


@given(st.integers(1, 300), st.integers(1, 300), st.integers(1, 64), st.integers(1, 64))
def test_any_shape_becomes_the_square_that_was_asked_for(width: int, height: int, store_side: int, side: int) -> None:
    picture = np.full((height, width, 3), 77, np.uint8)
    seen = Preprocessing(store_side, side)(picture)
    assert seen.shape == (side, side, 3) and seen.dtype == np.uint8
    assert (seen == 77).all()


@given(st.integers(1, 300), st.integers(1, 300), st.integers(1, 64))
def test_reduce_bounds_the_shorter_side_and_never_enlarges(width: int, height: int, side: int) -> None:
    reduced = reduce(np.zeros((height, width, 3), np.uint8), side)
    assert min(reduced.shape[:2]) == min(side, width, height)
    assert reduced.shape[0] <= height and reduced.shape[1] <= width
    assert reduce(reduced, side) is reduced  # so that what is kept is not reduced again


@pytest.mark.parametrize(("height", "width"), [(1, 5000), (5000, 1), (1, 1), (2, 20_000)])
def test_extreme_aspect_ratios_pass(height: int, width: int) -> None:
    picture = np.full((height, width, 3), 9, np.uint8)
    assert reduce(picture, 256) is picture
    assert stretch(picture, 32).shape == (32, 32, 3)
    assert min(reduce(np.repeat(picture, 40, 0), 8).shape[:2]) >= 1


def test_a_picture_of_the_right_size_is_not_resampled() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (48, 48, 3), dtype=np.uint8)
    assert (SEEN(picture) == picture).all()


def test_reducing_averages_instead_of_picking_pixels() -> None:
    checks = (np.indices((64, 64)).sum(0) % 2 * 255).astype(np.uint8)[..., None].repeat(3, 2)
    assert np.abs(reduce(checks, 32).astype(int) - 127.5).max() <= 1
