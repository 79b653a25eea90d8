"""A large JPEG is decoded smaller: never under the side needed, upright, with the original's lengths, never torn."""

import io
import tracemalloc
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from nightsort.dataset.twins import AGREEING
from nightsort.errors import PictureError
from nightsort.images import decode as module
from nightsort.images import second
from nightsort.images.appearance import appearance
from nightsort.images.decode import Decoded, Pixels, decode, decode_reduced

CAP = 10**8
NEAR = 6  # bits between the perceptual hashes of copies


def scene(width: int, height: int, seed: int = 0) -> Pixels:
    """Blobs of colour with some grain, so that there is something to lose."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
    smooth = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.clip(smooth + rng.normal(0, 12, smooth.shape), 0, 255).astype(np.uint8)


def encoded(pixels: Pixels, kind: str = "JPEG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()


def turned(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


@pytest.mark.parametrize(
    ("width", "height", "side", "scale"),
    [
        (799, 800, 100, 1),  # at any other scale it would look square
        (802, 803, 100, 2),
        (800, 800, 100, 8),
        (800, 800, 101, 4),
        (1600, 800, 100, 8),
        (800, 1600, 200, 4),
        (401, 301, 150, 2),
        (401, 299, 150, 1),
        (300, 300, 300, 1),
        (300, 300, 999, 1),
    ],
)
def test_the_scale_is_the_smallest_that_leaves_the_side_needed(width: int, height: int, side: int, scale: int) -> None:
    picture = decode_reduced(encoded(scene(width, height)), CAP, side)
    assert picture.pixels.shape == (-(-height // scale), -(-width // scale), 3)
    assert (picture.width, picture.height, picture.is_whole) == (width, height, scale == 1)


@given(st.integers(1, 65_500), st.integers(1, 65_500), st.integers(1, 3000))
def test_no_size_leaves_less_than_the_side_needed_nor_hides_which_way_it_lies(
    width: int, height: int, side: int
) -> None:
    scale = module._scale(width, height, side)
    smaller = -(-width // scale), -(-height // scale)
    assert scale == module._scale(height, width, side)
    assert min(smaller) >= min(side, width, height)
    assert (smaller[0] > smaller[1], smaller[0] < smaller[1]) == (width > height, width < height)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}, {"quality": 30}], ids=str)
@pytest.mark.parametrize(("side", "scale"), [(200, 2), (100, 4), (50, 8)])
def test_the_smaller_picture_is_the_picture(side: int, scale: int, options: dict[str, Any]) -> None:
    data = encoded(scene(600, 400), **options)
    smaller = decode_reduced(data, CAP, side).pixels
    shrunk = cv2.resize(decode(data, CAP), smaller.shape[1::-1], interpolation=cv2.INTER_AREA)
    assert smaller.shape == (400 // scale, 600 // scale, 3)
    assert np.abs(smaller.astype(int) - shrunk).mean() <= 3


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_other_colour_modes_come_out_as_rgb(mode: str) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (800, 600), (250, 10, 20)).convert(mode).save(buffer, "JPEG")
    whole, smaller = decode(buffer.getvalue(), CAP), decode_reduced(buffer.getvalue(), CAP, 100).pixels
    assert smaller.shape == (150, 200, 3)
    assert np.abs(smaller.reshape(-1, 3).astype(int) - whole[0, 0]).max() <= 2


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "BMP", "TIFF", "GIF"])
def test_what_is_no_jpeg_is_decoded_whole(kind: str) -> None:
    data = encoded(scene(600, 401), kind)
    picture = decode_reduced(data, CAP, 50)
    assert picture.is_whole and (picture.width, picture.height) == (600, 401)
    assert (picture.pixels == decode(data, CAP)).all()


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("orient", [True, False])
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(("width", "height"), [(300, 200), (202, 203), (200, 200)])
def test_it_lies_as_the_whole_picture_does(
    width: int, height: int, orientation: int, orient: bool, strict: bool
) -> None:
    data = encoded(scene(width, height), exif=turned(orientation))
    whole = decode(data, CAP, orient=orient)
    picture = decode_reduced(data, CAP, 50, orient=orient, strict=strict)
    assert (picture.height, picture.width) == whole.shape[:2]
    assert not picture.is_whole
    shrunk = cv2.resize(whole, picture.pixels.shape[1::-1], interpolation=cv2.INTER_AREA)
    assert np.abs(picture.pixels.astype(int) - shrunk).mean() <= 3


@pytest.mark.parametrize("progressive", [False, True])
def test_a_picture_cut_anywhere_is_never_decoded(progressive: bool) -> None:
    data = encoded(scene(520, 400), progressive=progressive)
    for cut in range(32, len(data) - 2, len(data) // 60):
        with pytest.raises(PictureError, match="truncated"):
            decode_reduced(data[:cut], CAP, 50)


@given(st.lists(st.tuples(st.integers(0, 2**16), st.integers(0, 255)), min_size=1, max_size=8))
def test_damage_that_a_whole_decode_refuses_is_refused(edits: list[tuple[int, int]]) -> None:
    data = bytearray(encoded(scene(200, 120)))
    for place, value in edits:
        data[place % len(data)] = value
    results = []
    for side in (None, 15):
        try:
            results.append(decode_reduced(bytes(data), CAP, side).width)
        except PictureError as error:
            results.append(error.reason)
    assert results[0] == results[1]


def test_the_size_check_is_of_the_declared_size(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encoded(scene(600, 400))
    assert decode_reduced(data, 600 * 400, 50).width == 600
    monkeypatch.setattr(cv2, "imdecode", lambda *_: pytest.fail("decoded a picture over the cap"))
    with pytest.raises(PictureError, match="too_many_pixels: 600x400 = 240000; at most 239999"):
        decode_reduced(data, 600 * 400 - 1, 50)


def test_as_much_memory_is_asked_for_as_a_smaller_picture_needs() -> None:
    data = encoded(scene(2000, 1600))
    asked = []
    for side in (None, 200):
        tracemalloc.start()
        with pytest.raises(PictureError, match="truncated"):
            decode_reduced(data[:-50], CAP, side)
        asked.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    raster = 3 * 2000 * 1600
    assert 5 * raster <= asked[0] < 5.1 * raster, "whatever the format"
    assert 3 * raster < asked[1] < 3.2 * raster, "the coefficients of a progressive JPEG, and little more"


def test_strict_compares_what_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encoded(scene(600, 400))
    assert decode_reduced(data, CAP, 50, strict=True).pixels.shape == (50, 75, 3)
    monkeypatch.setattr(second.Image, "open", lambda *_, **__: Image.new("RGB", (600, 400)))
    with pytest.raises(PictureError, match="decoder_disagrees: OpenCV sees 75x50, Pillow 600x400"):
        decode_reduced(data, CAP, 50, strict=True)
    monkeypatch.setattr(second.Image, "open", lambda *_, **__: Image.new("RGB", (75, 50)))
    with pytest.raises(PictureError, match="decoder_disagrees: the pixels differ by"):
        decode_reduced(data, CAP, 50, strict=True)


@pytest.mark.parametrize(("width", "height"), [(800, 601), (1024, 768), (2100, 1400)])
def test_a_smaller_picture_looks_as_the_whole_one_and_as_its_half_does(
    width: int, height: int, picture: Callable[..., bytes]
) -> None:
    for seed in range(3):
        data = picture(seed, kind="JPEG", width=width, height=height)
        whole = decode(data, CAP)
        half = cv2.resize(whole, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
        seen = appearance(decode_reduced(data, CAP, 256))
        for other in (appearance(Decoded.whole(whole)), appearance(Decoded.whole(half))):
            assert (int(seen["phash"]) ^ int(other["phash"])).bit_count() <= NEAR
            bits = sum(((int(seen[n]) ^ int(other[n])) % 2**64).bit_count() for n in ("dhash", "dhash_vertical"))
            assert bits <= AGREEING
        same = appearance(Decoded.whole(whole))
        assert [seen[name] for name in ("width", "height", "aspect")] == [width, height, width / height]
        assert [seen[n] for n in ("brightness", "contrast", "entropy")] == pytest.approx(
            [same[n] for n in ("brightness", "contrast", "entropy")], rel=0.02
        )
        assert seen["sharpness"] == pytest.approx(same["sharpness"], rel=0.2)
