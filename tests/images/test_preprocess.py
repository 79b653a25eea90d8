"""What the model sees in training is what it sees when scoring; a version for every way to see."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from nightsort.images import preprocess
from nightsort.images.clean import Cleaning
from nightsort.images.decode import decode
from nightsort.images.header import picture_format
from nightsort.images.preprocess import Preprocessing, decode_original, encode_for_store, load_stored, reduce, stretch

CAP = 10**8
SEEN = Preprocessing(store_side=64, image_size=48)


def trained_on(data: bytes, seen: Preprocessing = SEEN) -> np.ndarray:
    """The way of a labelled picture: decoded, kept in the dataset, decoded again, made ready."""
    decoded = decode_original(data, CAP, seen.store_side, seen.cleaning)
    picture = seen.cleaning(decoded.pixels)
    changed = picture is not decoded.pixels or not decoded.is_whole
    return load_stored(encode_for_store(data, picture, seen.store_side, changed), seen)


def scored_on(data: bytes, seen: Preprocessing = SEEN) -> np.ndarray:
    """The way of a new picture."""
    return seen(decode_original(data, CAP, seen.store_side, seen.cleaning).pixels)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_picture_kept_as_it_is_looks_the_same_in_training_and_scoring(
    kind: str, picture: Callable[..., bytes]
) -> None:
    data = picture(kind=kind, width=90, height=64)
    assert encode_for_store(data, decode(data, CAP), 64, False) == data
    assert (trained_on(data) == scored_on(data)).all()


@pytest.mark.parametrize("kind", ["BMP", "TIFF", "GIF"])
def test_of_other_formats_a_png_is_kept(kind: str, picture: Callable[..., bytes]) -> None:
    data = picture(kind=kind, width=90, height=64)
    assert picture_format(encode_for_store(data, decode(data, CAP), 64, False)) == "PNG"
    assert (trained_on(data) == scored_on(data)).all()


CLEANINGS = [
    Cleaning(orient=False),
    Cleaning(colour="grey"),
    Cleaning(denoise=5),
    Cleaning(equalize=2),
    Cleaning(crop="foreground"),
    Cleaning(orient=False, colour="grey", denoise=3, equalize=3, crop="foreground"),
]


@pytest.mark.parametrize("cleaning", CLEANINGS, ids=str)
@pytest.mark.parametrize(("width", "height"), [(90, 60), (200, 131)])
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_cleaned_picture_looks_the_same_and_is_cleaned_once(
    kind: str, width: int, height: int, cleaning: Cleaning, picture: Callable[..., bytes]
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = picture(kind=kind, width=width, height=height, exif=exif)
    seen = replace(SEEN, cleaning=cleaning)
    off = np.abs(trained_on(data, seen).astype(int) - scored_on(data, seen))
    assert off.mean() <= (1.25 if kind == "JPEG" else 0)  # equalizing brings out what quality 95 loses
    if cleaning != Cleaning(crop="foreground"):  # which may leave a picture whole
        assert (scored_on(data, seen) != scored_on(data)).any()


def test_a_small_picture_that_cleaning_changed_is_not_kept_as_it_came(picture: Callable[..., bytes]) -> None:
    data = picture(kind="PNG", width=40, height=30)
    grey = Cleaning(colour="grey")(decode(data, CAP))
    assert (decode(encode_for_store(data, grey, 64, True), CAP) == grey).all()


@pytest.mark.parametrize("cleaning", [Cleaning(), *CLEANINGS[:2], Cleaning(crop="foreground")], ids=str)
@pytest.mark.parametrize(("width", "height"), [(768, 512), (525, 700)])
def test_a_large_jpeg_looks_the_same_whatever_the_scale_it_is_decoded_at(
    width: int, height: int, cleaning: Cleaning, picture: Callable[..., bytes]
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = picture(kind="JPEG", width=width, height=height, exif=exif)
    for seen in (replace(SEEN, cleaning=cleaning), Preprocessing(256, 224, cleaning)):
        scored = scored_on(data, seen).astype(int)
        assert np.abs(trained_on(data, seen) - scored).mean() <= 1
        whole = seen(decode(data, CAP, orient=cleaning.orient))
        assert np.abs(whole - scored).mean() <= (0 if cleaning.needs_whole else 1)


@pytest.mark.parametrize("cleaning", [Cleaning(crop="foreground"), Cleaning(denoise=5), Cleaning(equalize=2)], ids=str)
def test_what_cleaning_has_to_see_whole_is_decoded_whole(cleaning: Cleaning, picture: Callable[..., bytes]) -> None:
    data = picture(kind="JPEG", width=1300, height=1024)
    assert decode_original(data, CAP, 64, cleaning).is_whole
    assert decode_original(data, CAP, 64, Cleaning(), roi="0,0,9,9").is_whole


def test_a_picture_is_decoded_no_smaller_than_what_is_kept_and_measured_of_it(picture: Callable[..., bytes]) -> None:
    data = picture(kind="JPEG", width=1300, height=1024)
    shapes = {side: decode_original(data, CAP, side, Cleaning()).pixels.shape[:2] for side in (8, 256, 257, 513)}
    assert shapes == {8: (256, 325), 256: (256, 325), 257: (512, 650), 513: (1024, 1300)}
    assert decode_original(data, CAP, 8, Cleaning(colour="grey")).pixels.shape == (256, 325, 3)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "BMP", "TIFF", "GIF"])
def test_a_reduced_picture_that_was_no_jpeg_looks_the_same(kind: str, picture: Callable[..., bytes]) -> None:
    data = picture(kind=kind, width=200, height=131)
    kept = encode_for_store(data, decode(data, CAP), 64, False)
    assert picture_format(kept) == "PNG"
    assert (trained_on(data) == scored_on(data)).all()


def test_a_reduced_jpeg_looks_the_same_within_one_grey_level(picture: Callable[..., bytes]) -> None:
    for seed in range(5):
        data = picture(seed, kind="JPEG", width=200, height=131)
        assert picture_format(encode_for_store(data, decode(data, CAP), 64, False)) == "JPEG"
        off = np.abs(trained_on(data).astype(int) - scored_on(data))
        assert off.mean() <= 1
        assert off.max() <= 8


def test_what_is_kept_is_upright_and_has_no_orientation_left(picture: Callable[..., bytes]) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = picture(kind="JPEG", width=200, height=130, exif=exif)
    picture_ = decode(data, CAP)
    assert picture_.shape == (200, 130, 3)
    assert decode(encode_for_store(data, picture_, 65, False), CAP).shape == (100, 65, 3)


def test_the_version_changes_with_every_setting_and_with_the_code(monkeypatch: pytest.MonkeyPatch) -> None:
    others = [replace(SEEN, store_side=65), replace(SEEN, image_size=49)]
    others += [replace(SEEN, cleaning=cleaning) for cleaning in CLEANINGS]
    assert len({SEEN.version, *(other.version for other in others)}) == 1 + len(others)
    assert Preprocessing(64, 48, Cleaning()).version == SEEN.version
    before = SEEN.version
    monkeypatch.setattr(preprocess, "_REVISION", preprocess._REVISION + 1)
    assert SEEN.version != before


def test_the_version_of_a_preprocessing_without_cleaning_is_as_recorded() -> None:
    """If this fails, every champion would have to be trained again."""
    assert Preprocessing(64, 48).version == "p8bcf2bc4"


def test_the_pixels_of_the_revision_are_as_recorded() -> None:
    """If this fails, the pixels changed: raise `_REVISION`, or champions would be fed what they never saw."""
    ramp = (np.arange(5 * 7 * 3, dtype=np.uint8) * 2).reshape(5, 7, 3)
    assert preprocess._REVISION == 2
    assert Preprocessing(4, 2)(ramp)[..., 0].tolist() == [[39, 60], [144, 165]]


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
