"""Hostile pictures: each one decodes or is refused with a reason; none kills the process or takes its memory."""

import io
import struct
import subprocess
import sys
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from nightsort.errors import PictureError
from nightsort.images.decode import decode
from nightsort.schema import REASONS

CAP = 100_000_000
KINDS = ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF"]


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


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
    outcome(build(8, 8))  # loads what Pillow reads this format with
    before = peak_address_space()
    tracemalloc.start()
    with pytest.raises(PictureError, match="too_many_pixels: 60000x60000 = 3600000000; at most 100000000"):
        decode(bomb, 100_000_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000
    assert peak_address_space() - before < 500_000  # the pixels would be 10 GB


BUILDERS = [png, bmp, jpeg, gif, tiff, webp]


def outcome(data: bytes, **options: bool) -> str:
    """The reason of the refusal, or "decoded"."""
    try:
        pixels = decode(data, CAP, **options)
    except PictureError as error:
        assert error.reason in REASONS and error.detail
        return error.reason
    assert pixels.dtype == np.uint8 and pixels.ndim == 3 and pixels.shape[2] == 3
    return "decoded"


@pytest.mark.parametrize("build", BUILDERS)
def test_a_huge_raster_in_a_tiny_file_is_a_bomb(build: Callable[[int, int], bytes]) -> None:
    with pytest.raises(PictureError, match=r"bomb: 9000x9000 in \d+ bytes, \d+:1; at most 2000:1"):
        decode(build(9000, 9000), CAP)


@pytest.mark.parametrize("build", BUILDERS[:-1])  # the canvas of a WebP has no way to say 0
@pytest.mark.parametrize(("width", "height"), [(0, 0), (0, 9), (9, 0)])
def test_no_width_or_no_height_is_refused(build: Callable[[int, int], bytes], width: int, height: int) -> None:
    assert outcome(build(width, height)) in ("corrupt", "truncated")


def test_a_blank_page_that_compresses_well_is_no_bomb() -> None:
    assert outcome(encoded(Image.new("1", (3500, 4500), 1), "PNG")) == "decoded"


@pytest.mark.parametrize("second", [(8, 8), (60_000, 60_000)])
def test_a_jpeg_with_two_frame_headers_is_refused(second: tuple[int, int], picture: Callable[..., bytes]) -> None:
    whole = picture(kind="JPEG", width=64, height=48)
    start = whole.index(b"\xff\xc0")
    end = start + 2 + int.from_bytes(whole[start + 2 : start + 4])
    assert outcome(whole[:end] + jpeg(*second)[2:-2] + whole[end:]) == "corrupt"
    assert outcome(whole[:start] + jpeg(*second)[2:-2] + whole[start:]) in ("corrupt", "too_many_pixels")


@pytest.mark.parametrize("kind", ["PNG", "BMP", "WEBP"])
def test_a_header_that_lies_about_the_size_is_refused(kind: str, picture: Callable[..., bytes]) -> None:
    data = bytearray(picture(kind=kind, width=64, height=48))
    match kind:
        case "PNG":
            data[16:24] = struct.pack(">II", 640, 480)
            data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
        case "BMP":
            data[18:26] = struct.pack("<ii", 640, 480)
        case "WEBP":
            data[26:30] = struct.pack("<HH", 640, 480)
    assert outcome(bytes(data)) in ("corrupt", "truncated")


def test_a_jpeg_that_lies_about_its_size_gets_no_more_than_it_declares(picture: Callable[..., bytes]) -> None:
    """libjpeg only warns of scans that are too short, and no decoder at hand passes the warning on."""
    data = bytearray(picture(kind="JPEG", width=64, height=48))
    place = data.index(b"\xff\xc0") + 5
    data[place : place + 4] = struct.pack(">HH", 480, 640)
    assert decode(bytes(data), 640 * 480).shape == (480, 640, 3)
    with pytest.raises(PictureError, match="too_many_pixels"):
        decode(bytes(data), 640 * 480 - 1)


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_flipped_bytes_and_cuts_give_pixels_or_a_reason(kind: str, strict: bool, picture: Callable[..., bytes]) -> None:
    whole = picture(kind=kind, width=48, height=32)
    rng = np.random.default_rng(KINDS.index(kind))
    seen = set()
    for _ in range(150):
        data = bytearray(whole[: int(rng.integers(12, len(whole)))] if rng.random() < 0.3 else whole)
        for place in rng.integers(0, len(data), rng.integers(0, 5)):
            data[place] ^= 1 << int(rng.integers(8))
        seen.add(outcome(bytes(data), strict=strict))
    assert len(seen) >= 2


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("tail", [b"PK\x03\x04" + bytes(100), b"<script>alert(1)</script>" * 40, bytes(5000)])
def test_a_file_that_is_also_something_else_never_fails_otherwise(
    kind: str, tail: bytes, picture: Callable[..., bytes]
) -> None:
    assert outcome(picture(kind=kind) + tail) == "decoded"


def test_a_picture_inside_another_is_not_looked_for(picture: Callable[..., bytes]) -> None:
    assert outcome(b"%PDF-1.7\n" + picture(kind="JPEG")) == "not_an_image"


_LIMITED = """
import resource, sys
from nightsort.images.decode import decode_reduced
from nightsort.errors import PictureError
data = open(sys.argv[1], "rb").read()
used = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmData")) * 1024
resource.setrlimit(resource.RLIMIT_DATA, (used + 40_000_000,) * 2)
try:
    side = int(sys.argv[3]) or None
    print(decode_reduced(data, 10**8, side, strict=sys.argv[2] == "strict").pixels.shape)
except PictureError as error:
    print(error)
print("alive")
"""


def under_a_limit(kind: str, options: dict[str, Any], strictness: str, side: int, folder: Path) -> str:
    """What a process that may take 40 MB says of 47 MB of pixels."""
    file = folder / "large"
    file.write_bytes(encoded(Image.new("RGB", (3968, 3968), (9, 99, 199)), kind, **options))
    command = [sys.executable, "-c", _LIMITED, str(file), strictness, str(side)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("strictness", ["lenient", "strict"])
@pytest.mark.parametrize(
    ("kind", "options"),
    [("JPEG", {"progressive": True}), ("PNG", {}), ("WEBP", {"method": 0}), ("TIFF", {"compression": "tiff_lzw"})],
)
def test_a_picture_beyond_the_memory_of_the_process_is_a_bomb_and_not_its_death(
    kind: str, options: dict[str, Any], strictness: str, tmp_path: Path
) -> None:
    for side in {0, 256 if kind == "JPEG" else 0}:  # a progressive JPEG is held whole at any scale
        said = under_a_limit(kind, options, strictness, side, tmp_path)
        assert "bomb: 3968x3968: needs more memory than this process may use\nalive" in said


@pytest.mark.parametrize("strictness", ["lenient", "strict"])
def test_a_jpeg_that_fits_when_it_is_decoded_smaller_is_decoded(strictness: str, tmp_path: Path) -> None:
    assert "(496, 496, 3)\nalive" in under_a_limit("JPEG", {}, strictness, 256, tmp_path)
