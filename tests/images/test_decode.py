"""Bytes to pixels: every mode comes out RGB and upright, every bad file with its reason, none over the cap."""

import io
import struct
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from nightsort.errors import PictureError
from nightsort.images.decode import declared_size, decode, picture_format
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


def test_a_text_file_renamed_to_a_picture_is_not_an_image() -> None:
    with pytest.raises(PictureError, match="first bytes b'Dear Sir"):
        picture_format(b"Dear Sir or Madam")


@pytest.mark.parametrize("kind", [*KINDS, "progressive JPEG", "TIFF with LZW"])
def test_a_picture_cut_anywhere_is_never_decoded(kind: str, picture: Callable[..., bytes]) -> None:
    options = {"progressive JPEG": {"progressive": True}, "TIFF with LZW": {"compression": "tiff_lzw"}}.get(kind, {})
    data = picture(kind=kind.replace("progressive ", "").removesuffix(" with LZW"), **options)
    # The header of a TIFF promises no end, and one byte in 256 looks like the end of a GIF.
    allowed = {"truncated", "corrupt"} if kind in ("TIFF", "TIFF with LZW", "GIF") else {"truncated"}
    reasons = {reason_of(data[:cut]) for cut in range(32, len(data) - 2, max(1, len(data) // 60))}
    assert "truncated" in reasons or kind == "TIFF"
    assert reasons <= allowed


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("after", [1, 63, 5000])
def test_bytes_after_the_end_do_no_harm(kind: str, after: int, picture: Callable[..., bytes]) -> None:
    data = picture(kind=kind)
    assert (decode(data + b"\x07" * after, CAP) == decode(data, CAP)).all()


def png(width: int, height: int) -> bytes:
    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(bytes(100))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def bmp(width: int, height: int) -> bytes:
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54, 0, 0, 54) + info


def jpeg(width: int, height: int) -> bytes:
    frame = struct.pack(">HBHHB", 17, 8, height, width, 3) + bytes([1, 17, 0, 2, 17, 0, 3, 17, 0])
    return b"\xff\xd8\xff\xc0" + frame + b"\xff\xd9"


def gif(width: int, height: int) -> bytes:
    small = encoded(Image.new("L", (4, 4)), "GIF")
    return small[:6] + struct.pack("<HH", width, height) + small[10:]


def tiff(width: int, height: int) -> bytes:
    tags = [(256, width), (257, height), (258, 8), (259, 1), (262, 1), (273, 8), (277, 1), (278, height), (279, 100)]
    directory = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    return b"II*\x00" + struct.pack("<IH", 8, len(tags)) + directory + bytes(4)


def webp(width: int, height: int) -> bytes:
    """An animation: the only kind of WebP whose canvas may be larger than its one small frame."""
    frame = encoded(Image.new("RGB", (4, 4)), "WEBP")[12:]
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    animated = bytes(6) + (3).to_bytes(3, "little") * 2 + (100).to_bytes(3, "little") + b"\x00" + frame
    body = b"VP8X" + struct.pack("<I", 10) + bytes([2, 0, 0, 0]) + size + b"ANIM" + struct.pack("<I", 6) + bytes(6)
    body += b"ANMF" + struct.pack("<I", len(animated)) + animated
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def peak_address_space() -> int:
    """KiB of address space that this process had at most."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmPeak"))


@pytest.mark.parametrize("build", [png, bmp, jpeg, gif, tiff, webp])
def test_a_declared_size_over_the_cap_is_refused_before_memory_is_set_aside(
    build: Callable[[int, int], bytes],
) -> None:
    bomb = build(60_000, 60_000)
    assert len(bomb) < 1000
    before = peak_address_space()
    tracemalloc.start()
    with pytest.raises(PictureError, match="too_many_pixels: 60000x60000 = 3600000000; at most 100000000"):
        decode(bomb, 100_000_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000
    assert peak_address_space() - before < 500_000  # the pixels would be 10 GB


def test_the_size_check_comes_before_the_decoder(
    monkeypatch: pytest.MonkeyPatch, picture: Callable[..., bytes]
) -> None:
    monkeypatch.setattr(cv2, "imdecode", lambda *_: pytest.fail("decoded a picture over the cap"))
    for kind in KINDS:
        assert reason_of(picture(kind=kind, width=40, height=30), max_pixels=40 * 30 - 1) == "too_many_pixels"


@pytest.mark.parametrize("kind", KINDS)
def test_exactly_the_cap_is_allowed(kind: str, picture: Callable[..., bytes]) -> None:
    data = picture(kind=kind, width=40, height=30)
    assert declared_size(data, kind) == (40, 30)
    assert decode(data, 40 * 30).shape == (30, 40, 3)


@pytest.mark.parametrize("options", [{"lossless": True}, {"quality": 60}, {"exif": Image.Exif().tobytes()}])
def test_each_kind_of_webp_tells_its_size(options: dict[str, object], picture: Callable[..., bytes]) -> None:
    assert declared_size(picture(kind="WEBP", width=41, height=29, **options), "WEBP") == (41, 29)


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
