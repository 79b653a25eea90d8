"""Headers: the format by the first bytes, the size as Pillow reads it, the end that a format promises."""

import io
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from nightsort.errors import PictureError
from nightsort.images import header
from nightsort.images.header import declared_size, is_whole, picture_format, undecodable
from nightsort.schema import REASONS

KINDS = ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF"]


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


@given(
    st.sampled_from([("JPEG", mode) for mode in ("1", "L", "RGB", "CMYK", "YCbCr")])
    | st.sampled_from([("PNG", mode) for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")])
    | st.sampled_from([("WEBP", mode) for mode in ("RGB", "RGBA", "L", "P")]),
    st.integers(1, 700),
    st.integers(1, 700),
    st.booleans(),
    st.binary(max_size=300),
)
def test_sizes_read_here_are_those_that_pillow_reads(
    form: tuple[str, str], width: int, height: int, progressive: bool, comment: bytes
) -> None:
    kind, mode = form
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = comment.hex()
    jpeg = {"progressive": progressive, "comment": comment} if kind == "JPEG" else {}
    lossless = {"lossless": progressive} if kind == "WEBP" else {}
    data = encoded(Image.new(mode, (width, height)), kind, exif=exif, **jpeg, **lossless)
    assert declared_size(data, kind) == Image.open(io.BytesIO(data)).size == (width, height)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_plain_header_is_read_without_pillow(
    kind: str, monkeypatch: pytest.MonkeyPatch, picture: Callable[..., bytes]
) -> None:
    monkeypatch.setattr(header.Image, "open", lambda *_, **__: pytest.fail("asked Pillow"))
    assert declared_size(picture(kind=kind, width=41, height=29), kind) == (41, 29)


@pytest.mark.parametrize("kind", KINDS)
@given(edits=st.lists(st.tuples(st.integers(0, 60), st.integers(0, 255)), max_size=6), cut=st.integers(0, 200))
def test_a_damaged_header_gives_a_size_or_a_reason(kind: str, edits: list[tuple[int, int]], cut: int) -> None:
    data = bytearray(encoded(Image.new("RGB", (40, 30)), kind))
    for place, value in edits:
        data[place % len(data)] = value
    try:
        width, height = declared_size(bytes(data[:cut]), kind)
    except PictureError as error:
        assert error.reason in ("truncated", "corrupt")
    else:
        assert width >= 0 and height >= 0


def test_no_size_is_read_from_the_thumbnail_inside_a_segment() -> None:
    thumbnail = encoded(Image.new("RGB", (8, 8)), "JPEG")
    whole = encoded(Image.new("RGB", (90, 70)), "JPEG")
    data = whole[:2] + b"\xff\xe1" + struct.pack(">H", len(thumbnail) + 2) + thumbnail + whole[2:]
    assert declared_size(data, "JPEG") == (90, 70)


def test_a_jpeg_of_endless_segments_is_given_up() -> None:
    data = b"\xff\xd8" + b"\xff\xfe\x00\x02" * 2_000_000
    assert header._jpeg_frame(data) is None


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"Dear Sir or Madam", "not_an_image"),
        (b"PK\x03\x04" + bytes(40), "not_an_image"),
        (b"8BPS\x00\x01", "unsupported_format"),
        (b"\x00\x00\x00\x18ftypheic", "unsupported_format"),
    ],
)
def test_what_is_no_picture_says_so(data: bytes, reason: str) -> None:
    with pytest.raises(PictureError) as caught:
        picture_format(data)
    assert caught.value.reason == reason and reason in REASONS


def test_a_text_file_renamed_to_a_picture_is_not_an_image() -> None:
    with pytest.raises(PictureError, match="first bytes b'Dear Sir"):
        picture_format(b"Dear Sir or Madam")


@pytest.mark.parametrize("kind", KINDS)
def test_the_format_is_told_by_the_bytes(kind: str, picture: Callable[..., bytes]) -> None:
    data = picture(kind=kind)
    assert picture_format(data) == kind and is_whole(data, kind)


@pytest.mark.parametrize(
    ("order", "compression"), [("<", "raw"), (">", "raw"), ("<", "tiff_lzw"), ("<", "tiff_deflate")]
)
def test_a_tiff_cut_anywhere_is_truncated_and_a_whole_one_is_not(order: str, compression: str) -> None:
    pixels = np.arange(40 * 30).astype(f"{order}u2").reshape(30, 40)
    data = encoded(Image.fromarray(pixels), "TIFF", compression=compression)
    assert data.startswith(b"II" if order == "<" else b"MM")
    assert undecodable(data, "TIFF", "").reason == "corrupt"
    assert {undecodable(data[:cut], "TIFF", "").reason for cut in range(8, len(data))} == {"truncated"}


@pytest.mark.parametrize("mode", ["I", "F"])
def test_a_tiff_of_32_bits_is_an_unsupported_format(mode: str) -> None:
    error = undecodable(encoded(Image.new(mode, (8, 8)), "TIFF"), "TIFF", "")
    assert error.reason == "unsupported_format" and "32 bits a sample" in error.detail


def test_a_tiff_directory_that_lies_about_its_counts_ends_at_once() -> None:
    entries = b"".join(struct.pack("<HHII", 273, 4, 2**32 - 1, 8) for _ in range(65535))
    data = b"II*\x00" + struct.pack("<IH", 8, 65535) + entries
    assert undecodable(data, "TIFF", "").reason == "truncated"
