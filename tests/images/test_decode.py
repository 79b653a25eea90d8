"""Bytes to pixels: every mode comes out RGB and upright, every bad file with its reason, none over the cap."""

import io
from collections.abc import Callable

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from nightsort.errors import PictureError
from nightsort.images.decode import decode
from nightsort.schema import REASONS

CAP = 1_000_000
RED, BLUE = (250, 10, 20), (10, 30, 240)
KINDS = ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF"]


def halves(mode: str = "RGB") -> Image.Image:
    """A 32x20 picture, red on the left and blue on the right, in some colour mode."""
    pixels = np.zeros((20, 32, 3), np.uint8)
    pixels[:, :16], pixels[:, 16:] = RED, BLUE
    return Image.fromarray(pixels).convert(mode)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def reason_of(data: bytes, max_pixels: int = CAP) -> str:
    with pytest.raises(PictureError) as caught:
        decode(data, max_pixels)
    assert caught.value.reason in REASONS and caught.value.detail
    return caught.value.reason


COLOUR = [
    *(("RGB", kind) for kind in KINDS),
    *(("P", kind) for kind in ("PNG", "BMP", "TIFF", "GIF", "WEBP")),
    *(("RGBA", kind) for kind in ("PNG", "WEBP", "TIFF", "BMP", "GIF")),
    ("CMYK", "JPEG"),
    ("CMYK", "TIFF"),
    ("YCbCr", "JPEG"),
    ("YCbCr", "TIFF"),
]
GREY = [*(("L", kind) for kind in KINDS), ("LA", "PNG"), ("LA", "WEBP"), ("LA", "TIFF")]


@pytest.mark.parametrize(("mode", "kind"), COLOUR)
def test_every_colour_mode_comes_out_as_rgb_bytes_in_the_right_order(mode: str, kind: str) -> None:
    pixels = decode(encoded(halves(mode), kind), CAP)
    assert pixels.dtype == np.uint8 and pixels.shape == (20, 32, 3)
    # A palette of web colours is up to 51 off, JPEG and WebP a few levels.
    assert np.abs(pixels[10, 4].astype(int) - RED).max() <= 35
    assert np.abs(pixels[10, 28].astype(int) - BLUE).max() <= 35


@pytest.mark.parametrize(("mode", "kind"), GREY)
def test_grey_comes_out_as_three_equal_channels(mode: str, kind: str) -> None:
    pixels = decode(encoded(halves(mode), kind), CAP)
    assert pixels.dtype == np.uint8 and pixels.shape == (20, 32, 3)
    assert (pixels == pixels[..., :1]).all()
    assert np.abs(pixels[10, [4, 28], 0].astype(int) - np.asarray(halves("L"))[10, [4, 28]]).max() <= 3


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF"])
def test_one_bit_becomes_black_and_white(kind: str) -> None:
    dots = np.indices((20, 32)).sum(0) % 2 == 0
    assert (decode(encoded(Image.fromarray(dots), kind), CAP) == np.where(dots, 255, 0)[..., None]).all()


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_are_scaled_to_eight_and_do_not_wrap(kind: str) -> None:
    grey = np.linspace(0, 65535, 32 * 20).astype(np.uint16).reshape(20, 32)
    pixels = decode(encoded(Image.fromarray(grey), kind), CAP)
    assert pixels.dtype == np.uint8
    assert np.abs(pixels[..., 0].astype(float) - grey / 257).max() <= 1


def test_sixteen_bit_colour_keeps_its_channels() -> None:
    colour = np.zeros((20, 32, 3), np.uint16)
    colour[:] = (300, 20_000, 60_000)  # blue first, as OpenCV writes
    data = bytes(cv2.imencode(".png", colour)[1])
    assert np.abs(decode(data, CAP)[0, 0].astype(int) - (233, 78, 1)).max() <= 1


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_of_an_animation_the_first_frame_is_taken(kind: str) -> None:
    first, later = halves(), halves().transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    pixels = decode(encoded(first, kind, save_all=True, append_images=[later, later]), CAP)
    assert pixels.shape == (20, 32, 3)
    assert np.abs(pixels[10, 4].astype(int) - RED).max() <= 10


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(kind: str, orientation: int) -> None:
    picture = halves()
    picture.paste((0, 200, 0), (0, 0, 16, 10))  # three corners differ, so no two orientations look alike
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(picture, kind, exif=exif, **({"lossless": True} if kind == "WEBP" else {}))
    upright = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB"))
    pixels = decode(data, CAP)
    assert pixels.shape == upright.shape == ((20, 32, 3) if orientation < 5 else (32, 20, 3))
    assert np.abs(pixels.astype(int) - upright).max() <= 2


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"hello", "not_an_image"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not_an_image"),
        (b"RIFF\x24\x00\x00\x00WAVEfmt ", "not_an_image"),
        (b"8BPS\x00\x01" + bytes(40), "unsupported_format"),
        (b"\x00\x00\x01\x00\x01\x00" + bytes(40), "unsupported_format"),
        (b"\x00\x00\x00\x18ftypheic" + bytes(40), "unsupported_format"),
        (b"\x00\x00\x00\x18ftypavif" + bytes(40), "unsupported_format"),
        (b"\x00\x00\x00\x18ftypmp42" + bytes(40), "not_an_image"),
        (b"\x89PNG\r\n\x1a\n" + b"\x00" * 40, "truncated"),
        (b"\x89PNG\r\n\x1a\n" + b"\x00" * 40 + b"IEND\xaeB`\x82", "corrupt"),
        (b"\xff\xd8\xff\xe0" + bytes(200) + b"\xff\xd9", "corrupt"),
        (b"GIF89a" + bytes(40) + b";", "corrupt"),
    ],
)
def test_each_kind_of_bad_file_has_its_reason(data: bytes, reason: str) -> None:
    assert reason_of(data) == reason


@pytest.mark.parametrize("kind", [*KINDS, "progressive JPEG", "TIFF with LZW"])
def test_a_picture_cut_anywhere_is_never_decoded(kind: str, picture: Callable[..., bytes]) -> None:
    options = {"progressive JPEG": {"progressive": True}, "TIFF with LZW": {"compression": "tiff_lzw"}}.get(kind, {})
    data = picture(kind=kind.replace("progressive ", "").removesuffix(" with LZW"), **options)
    allowed = {"truncated", "corrupt"} if kind == "GIF" else {"truncated"}  # one byte in 256 looks like a GIF's end
    reasons = {reason_of(data[:cut]) for cut in range(32, len(data) - 2, max(1, len(data) // 60))}
    assert "truncated" in reasons and reasons <= allowed


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("after", [1, 63, 5000])
def test_bytes_after_the_end_do_no_harm(kind: str, after: int, picture: Callable[..., bytes]) -> None:
    data = picture(kind=kind)
    assert (decode(data + b"\x07" * after, CAP) == decode(data, CAP)).all()


def test_the_size_check_comes_before_the_decoder(
    monkeypatch: pytest.MonkeyPatch, picture: Callable[..., bytes]
) -> None:
    monkeypatch.setattr(cv2, "imdecode", lambda *_: pytest.fail("decoded a picture over the cap"))
    for kind in KINDS:
        assert reason_of(picture(kind=kind, width=40, height=30), max_pixels=40 * 30 - 1) == "too_many_pixels"


@pytest.mark.parametrize("kind", KINDS)
def test_exactly_the_cap_is_allowed(kind: str, picture: Callable[..., bytes]) -> None:
    data = picture(kind=kind, width=40, height=30)
    assert decode(data, 40 * 30).shape == (30, 40, 3)


@given(st.sampled_from(KINDS), st.lists(st.tuples(st.integers(0, 2**16), st.integers(0, 255)), min_size=1, max_size=8))
def test_damaged_bytes_give_pixels_or_a_reason_and_nothing_else(kind: str, edits: list[tuple[int, int]]) -> None:
    data = bytearray(encoded(halves(), kind))
    for place, value in edits:
        data[place % len(data)] = value
    try:
        pixels = decode(bytes(data), CAP)
    except PictureError as error:
        assert error.reason in REASONS
    else:
        assert pixels.dtype == np.uint8 and pixels.ndim == 3 and pixels.shape[2] == 3
        assert pixels.shape[0] * pixels.shape[1] <= CAP
