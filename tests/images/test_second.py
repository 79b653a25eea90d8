"""The second decoder agrees on every honest picture, and says what it sees otherwise."""

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image

from nightsort.errors import PictureError
from nightsort.images import second
from nightsort.images.decode import decode

CAP = 10**7
MODES = {
    "JPEG": ["1", "L", "RGB", "CMYK", "YCbCr"],
    "PNG": ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"],
    "WEBP": ["L", "LA", "P", "RGB", "RGBA"],
    "BMP": ["1", "L", "P", "RGB", "RGBA"],
    "TIFF": ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "I;16"],
    "GIF": ["1", "L", "LA", "P", "RGB", "RGBA"],
}


def in_mode(mode: str) -> Image.Image:
    """A noisy picture with, where the mode has it, transparency of every degree."""
    pixels = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    if mode == "I;16":
        return Image.fromarray(pixels[..., 0].astype(np.uint16) * 257)
    if mode == "LAB":
        return Image.frombytes("LAB", (80, 60), pixels.tobytes())
    image = Image.fromarray(pixels).convert("P" if mode == "PA" else mode).convert(mode)
    if mode in ("LA", "RGBA"):
        image.putalpha(Image.fromarray(np.linspace(0, 511, 80 * 60).clip(0, 255).astype(np.uint8).reshape(60, 80)))
    return image


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize(("kind", "mode"), [(kind, mode) for kind, modes in MODES.items() for mode in modes])
def test_the_decoders_agree_on_every_format_and_mode(kind: str, mode: str) -> None:
    data = encoded(in_mode(mode), kind)
    assert (decode(data, CAP, strict=True) == decode(data, CAP)).all()


@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("quality", [5, 50, 100])
@pytest.mark.parametrize("progressive", [False, True])
def test_the_decoders_agree_on_jpegs_of_every_quality(subsampling: int, quality: int, progressive: bool) -> None:
    data = encoded(in_mode("RGB"), "JPEG", subsampling=subsampling, quality=quality, progressive=progressive)
    assert decode(data, CAP, strict=True).shape == (60, 80, 3)


@pytest.mark.parametrize("orient", [True, False])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_decoders_agree_on_which_way_is_up(kind: str, orientation: int, orient: bool) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(in_mode("RGB").crop((0, 0, 80, 33)), kind, exif=exif)
    turned = orientation >= 5 and (orient or kind == "TIFF")
    assert decode(data, CAP, orient=orient, strict=True).shape == ((80, 33, 3) if turned else (33, 80, 3))


def disagreement(other: Image.Image, monkeypatch: pytest.MonkeyPatch, data: bytes) -> str:
    """What strict mode says where Pillow sees `other`."""
    monkeypatch.setattr(second.Image, "open", lambda *_, **__: other)
    with pytest.raises(PictureError) as caught:
        decode(data, CAP, strict=True)
    assert caught.value.reason == "decoder_disagrees"
    return caught.value.detail


def test_another_size_is_a_disagreement(monkeypatch: pytest.MonkeyPatch, picture: Callable[..., bytes]) -> None:
    data = picture(width=40, height=30)
    assert "OpenCV sees 40x30, Pillow 30x40" in disagreement(Image.new("RGB", (30, 40)), monkeypatch, data)


def test_other_pixels_are_a_disagreement(monkeypatch: pytest.MonkeyPatch, picture: Callable[..., bytes]) -> None:
    data = picture(width=40, height=30)
    other = Image.fromarray(255 - decode(data, CAP))
    assert "differ by" in disagreement(other, monkeypatch, data)


def test_a_few_levels_are_none(monkeypatch: pytest.MonkeyPatch, picture: Callable[..., bytes]) -> None:
    data = picture(width=40, height=30)
    pixels = decode(data, CAP)
    other = Image.fromarray(np.clip(pixels.astype(int) + 2, 0, 255).astype(np.uint8))
    monkeypatch.setattr(second.Image, "open", lambda *_, **__: other)
    assert (decode(data, CAP, strict=True) == pixels).all()


def test_what_pillow_cannot_decode_is_a_disagreement(
    monkeypatch: pytest.MonkeyPatch, picture: Callable[..., bytes]
) -> None:
    def refuse(*_: object, **__: object) -> Image.Image:
        raise OSError("image file is truncated")

    monkeypatch.setattr(second.Image, "open", refuse)
    with pytest.raises(
        PictureError, match="decoder_disagrees: OpenCV decodes it, Pillow does not: image file is trunc"
    ):
        decode(picture(), CAP, strict=True)


def test_a_lack_of_memory_is_not_taken_for_a_disagreement(
    monkeypatch: pytest.MonkeyPatch, picture: Callable[..., bytes]
) -> None:
    def run_out(*_: object, **__: object) -> Image.Image:
        raise MemoryError

    monkeypatch.setattr(second.Image, "open", run_out)
    with pytest.raises(PictureError, match="bomb: 36x24: needs more memory than this process may use"):
        decode(picture(), CAP, strict=True)
