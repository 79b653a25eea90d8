"""Owns what the bytes of a file say of the picture in them, before anything is decoded.

Invariant: reading a header allocates nothing for the pixels. Does not know decoders' results.
"""

import io
import struct
import warnings

from PIL import Image, UnidentifiedImageError

from nightsort.errors import PictureError

Image.MAX_IMAGE_PIXELS = None  # the cap is ours: see decode

_ALLOWED = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF")
_PNG_END = b"IEND\xaeB`\x82"
_JPEG_END = b"\xff\xd9"
_END_WINDOW = 64  # bytes; a JPEG's end marker may be followed by a little padding
_MOST_SEGMENTS = 1000  # of a JPEG, before its frame header; cameras write about ten

_SIGNATURES = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"BM", "BMP"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
)
_OTHER_PICTURES = ((b"8BPS", "PSD"), (b"\x00\x00\x01\x00", "ICO"), (b"\x00\x00\x00\x0cjP", "JPEG 2000"))
_ISO_BRANDS = {b"heic": "HEIC", b"heix": "HEIC", b"mif1": "HEIF", b"avif": "AVIF"}

_TIFF_TAGS = (258, 273, 279, 324, 325)  # bits of a sample; offsets and lengths of strips and tiles

_STARTS_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # ITU-T T.81, table B.1
_SEGMENTS = frozenset({0xC4, 0xCC, *range(0xDB, 0xE0), *range(0xE0, 0xF0), 0xFE}) - {0xDC}  # tables, APPn, COM


def picture_format(data: bytes) -> str:
    """Name of the format by the first bytes, whatever the file is called.

    :raises PictureError: `empty`, `not_an_image` or `unsupported_format`
    """
    if not data:
        raise PictureError("empty", "0 bytes")
    for signature, name in _SIGNATURES:
        if data.startswith(signature):
            return name
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    for signature, name in _OTHER_PICTURES:
        if data.startswith(signature):
            raise _unsupported(name)
    if data[4:8] == b"ftyp" and data[8:12] in _ISO_BRANDS:
        raise _unsupported(_ISO_BRANDS[data[8:12]])
    raise PictureError("not_an_image", f"first bytes {data[:12]!r}")


def declared_size(data: bytes, kind: str) -> tuple[int, int]:
    """Width and height that the header declares, in pixels; nothing is decoded.

    :raises PictureError: `corrupt` or `truncated` if the header cannot be read
    """
    readers = {"JPEG": _jpeg_frame, "PNG": _png_header, "WEBP": _webp_canvas}
    # Pillow takes 20 microseconds, as long as it takes to decode a thumbnail, so the common headers are read here.
    if kind in readers and (size := readers[kind](data)):
        return size
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=[kind]) as header:
                return header.size
    except UnidentifiedImageError:  # its text is the address of a buffer
        raise undecodable(data, kind, f"{kind}, {len(data)} bytes, no usable header") from None
    except Exception as error:  # Pillow raises what its parsers raise: struct, Syntax, Value, OS errors
        raise undecodable(data, kind, f"header: {error}") from None


def undecodable(data: bytes, kind: str, detail: str) -> PictureError:
    """The error of a picture that a decoder gave up on: whether the end is missing tells the reasons apart."""
    if kind == "TIFF":
        return _undecodable_tiff(data, detail)
    return PictureError("corrupt" if is_whole(data, kind) else "truncated", detail)


def is_whole(data: bytes, kind: str) -> bool:
    """Whether the file reaches the end that its format promises; a TIFF promises none."""
    match kind:
        case "JPEG":
            return _JPEG_END in data[-_END_WINDOW:]
        case "PNG":
            return data.rfind(_PNG_END) >= 0  # anything may follow it
        case "GIF":
            return data.rstrip(b"\x00").endswith(b";")
        case "WEBP":
            return len(data) >= int.from_bytes(data[4:8], "little") + 8
        case "BMP":
            return len(data) >= int.from_bytes(data[2:6], "little")
        case _:
            return True


def _jpeg_frame(data: bytes) -> tuple[int, int] | None:
    """Width and height in the first frame header; None if the way there is not the plain one.

    A second frame header needs no look: libjpeg refuses the file.
    """
    place = 2
    for _ in range(_MOST_SEGMENTS):
        if len(data) < place + 9 or data[place] != 0xFF:
            return None
        marker = data[place + 1]
        if marker in _STARTS_OF_FRAME:
            return int.from_bytes(data[place + 7 : place + 9]), int.from_bytes(data[place + 5 : place + 7])
        if marker not in _SEGMENTS:
            return None
        place += 2 + int.from_bytes(data[place + 2 : place + 4])
    return None


def _png_header(data: bytes) -> tuple[int, int] | None:
    if data[8:16] != b"\x00\x00\x00\x0dIHDR" or len(data) < 33:
        return None
    return int.from_bytes(data[16:20]), int.from_bytes(data[20:24])


def _webp_canvas(data: bytes) -> tuple[int, int] | None:
    """Width and height of a WebP; Pillow sets memory aside for the whole canvas before it tells them.

    The offsets are those of the WebP container specification and of RFC 6386 for plain VP8.
    """
    if len(data) < 30:
        return None
    match data[12:16]:
        case b"VP8X":
            return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
        case b"VP8L":
            bits = int.from_bytes(data[21:25], "little")
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8 ":
            return int.from_bytes(data[26:28], "little") & 0x3FFF, int.from_bytes(data[28:30], "little") & 0x3FFF
    return None


def _undecodable_tiff(data: bytes, detail: str) -> PictureError:
    """A TIFF says where its strips or tiles lie, and may hold samples that no byte can stand for."""
    try:
        tags = _tiff_directory(data)
    except struct.error:
        return PictureError("truncated", detail)
    for starts, lengths in ((273, 279), (324, 325)):  # of strips, of tiles
        for start, length in zip(tags.get(starts, ()), tags.get(lengths, ()), strict=False):
            if start + length > len(data):
                return PictureError("truncated", detail)
    return _unsupported("TIFF of 32 bits a sample") if 32 in tags.get(258, ()) else PictureError("corrupt", detail)


def _tiff_directory(data: bytes) -> dict[int, tuple[int, ...]]:
    """The integers of the first directory's tags that are looked at here (TIFF 6.0, section 2).

    :raises struct.error: if the file ends before the directory or the values of a tag do
    """
    order = "<" if data.startswith(b"II") else ">"
    (place,) = struct.unpack_from(order + "I", data, 4)
    (count,) = struct.unpack_from(order + "H", data, place)
    struct.unpack_from(order + "I", data, place + 2 + 12 * count)  # the next directory's place, which must be there
    tags: dict[int, tuple[int, ...]] = {}
    for entry in range(place + 2, place + 2 + 12 * count, 12):
        tag, kind, number = struct.unpack_from(order + "HHI", data, entry)
        if kind in (3, 4) and tag in _TIFF_TAGS and tag not in tags:  # SHORT, LONG
            form = f"{order}{number}{'H' if kind == 3 else 'I'}"
            inline = struct.calcsize(form) <= 4
            tags[tag] = struct.unpack_from(form, data, entry + 8 if inline else _offset(data, order, entry))
    return tags


def _offset(data: bytes, order: str, entry: int) -> int:
    return int(struct.unpack_from(order + "I", data, entry + 8)[0])


def _unsupported(name: str) -> PictureError:
    return PictureError("unsupported_format", f"{name}; allowed are {', '.join(_ALLOWED)}")
