"""Owns data sets that are arrays in a file: MNIST's IDX, and the binary version of CIFAR.

Invariant: what the header declares is held against the file before a byte of pixels is read; each picture
is the PNG of its pixels. Python pickles are never opened.
The formats: IDX, Y. LeCun, "The MNIST database of handwritten digits"; CIFAR, A. Krizhevsky, "Learning
multiple layers of features from tiny images", 2009. Does not know what the pictures show.
"""

import re
import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from nightsort.errors import PictureError
from nightsort.sources.entry import Entry
from nightsort.sources.files import Access
from nightsort.sources.png import png, png_size

Beside = Callable[[str], Path]
"""Finds a file beside this one by its name, as a local file; FileNotFoundError where there is none."""

_Bytes = npt.NDArray[np.uint8]

_IDX = re.compile(r"images?[.-]idx3-ubyte$", re.IGNORECASE)
_PICTURES = re.compile(
    r"images?[.-]idx3-ubyte(\.gz)?$|(^|/)(data_batch_\d+|test_batch|train|test)\.bin$", re.IGNORECASE
)
_ENDINGS = ("idx3-ubyte", "idx3-ubyte.gz", ".bin")  # looked at first: every listed file is asked
_COMPANION = re.compile(
    r"labels?[.-]idx1-ubyte(\.gz)?$|^batches\.meta(\.txt)?$|^(fine|coarse)_label_names\.txt$", re.IGNORECASE
)
_PICKLE = re.compile(r"\.(pkl|pickle)$|^data_batch_\d+$|^test_batch$", re.IGNORECASE)
_SIDE = 32  # pixels, of CIFAR
_MAX_NAMES = 1_000_000  # bytes of a file of class names


def is_one(path: str) -> bool:
    """Whether the name says that this file is an array of pictures."""
    return path.lower().endswith(_ENDINGS) and bool(_PICTURES.search(path))


def is_companion(name: str) -> bool:
    """Whether this is the name of a file of labels, which is read along with its pictures."""
    return bool(_COMPANION.search(name))


def is_pickle(name: str) -> bool:
    """Whether this is the name of a data set as Python pickled it."""
    return bool(_PICKLE.search(name))


def entries(file: Path, access: Access, beside: Beside) -> Iterator[Entry]:
    """Every picture that is whole, in order, called by its zero-padded number; its label is the data set's.

    :raises ValueError: if the header does not fit the file, after the pictures that are there
    """
    layout = _layout(file)
    labels, names = (_cifar_labels if layout.labels_inside else _idx_labels)(file, layout, beside)
    size, digits = png_size(*layout.shape), max(5, len(str(layout.whole - 1)))
    for index in range(layout.whole):
        label = str(labels[index]) if labels is not None else None
        label = names.get(label or "", label)
        at = layout.start + index * layout.stride
        yield Entry(f"{index:0{digits}d}", size, at, label=label, split=_split(file.name))
    if layout.damage:
        raise ValueError(layout.damage)


def contents(file: Path, wanted: list[tuple[str, int]], access: Access) -> Iterator[tuple[str, bytes | PictureError]]:
    """The PNG of each wanted picture.

    :raises ValueError: if the file is no such array any more
    """
    layout = _layout(file)
    with file.open("rb") as source:
        for name, offset in wanted:
            yield name, _content(source, offset, layout, access)


def _content(source: BinaryIO, offset: int, layout: "_Layout", access: Access) -> bytes | PictureError:
    if layout.stride > access.max_bytes:
        return PictureError("too_large", f"{layout.stride} bytes, of {access.max_bytes} allowed")
    source.seek(offset)
    data = source.read(layout.stride)
    if len(data) < layout.stride:
        return PictureError("unreadable", "no longer in the file where it was listed")
    height, width, channels = layout.shape
    pixels = np.frombuffer(data, np.uint8)[layout.labels_inside :]
    if channels == 1:
        return png(pixels.reshape(height, width))
    return png(pixels.reshape(channels, height, width).transpose(1, 2, 0))  # CIFAR has one plane after another


@dataclass(frozen=True)
class _Layout:
    """Where in the file the pictures are."""

    start: int  # bytes before the first picture
    stride: int  # bytes of a picture, with its labels if they are in the same file
    shape: tuple[int, int, int]  # height, width, channels
    whole: int  # pictures that are there
    labels_inside: int = 0  # bytes of labels before the pixels; the last is the one we take
    damage: str = ""  # what does not fit


def _layout(file: Path) -> _Layout:
    return _idx(file) if _IDX.search(file.name) else _cifar(file)


def _idx(file: Path) -> _Layout:
    size = file.stat().st_size
    with file.open("rb") as source:
        header = source.read(16)
    if len(header) < 16 or header[:4] != b"\0\0\x08\3":
        raise ValueError("not IDX of three dimensions of bytes: the first four bytes must be 00 00 08 03")
    count, height, width = struct.unpack(">3I", header[4:])
    if not height or not width:
        raise ValueError(f"the header declares pictures of {width}x{height} pixels")
    fitting, rest = divmod(size - 16, height * width)
    damage = f"the header declares {count} pictures of {width}x{height}, and the file has bytes for {fitting}"
    fits = fitting == count and not rest
    return _Layout(16, height * width, (height, width, 1), min(count, fitting), damage="" if fits else damage)


def _cifar(file: Path) -> _Layout:
    labels = 1 if "batch" in file.name.lower() else 2
    stride = labels + 3 * _SIDE * _SIDE
    whole, rest = divmod(file.stat().st_size, stride)
    damage = f"the file is not made of records of {stride} bytes, as CIFAR's are: {rest} are left over"
    return _Layout(0, stride, (_SIDE, _SIDE, 3), whole, labels, damage if rest or not whole else "")


def _idx_labels(file: Path, layout: _Layout, beside: Beside) -> tuple[_Bytes | None, dict[str, str]]:
    name = file.name.replace("image", "label").replace("IMAGE", "LABEL").replace("idx3", "idx1").replace("IDX3", "IDX1")
    found = _first(beside, (name, f"{name}.gz"))
    if not found:
        return None, {}
    data = np.fromfile(found, np.uint8)
    if data[:4].tobytes() != b"\0\0\x08\1" or len(data) < 8 or len(data) != 8 + int.from_bytes(data[4:8].tobytes()):
        raise ValueError(f"{name}: not IDX of one dimension of bytes, or not as long as its header says")
    if len(data) - 8 < layout.whole:
        raise ValueError(f"{name}: has {len(data) - 8} labels for {layout.whole} pictures")
    return data[8:], {}


def _cifar_labels(file: Path, layout: _Layout, beside: Beside) -> tuple[_Bytes | None, dict[str, str]]:
    if not layout.whole:
        return None, {}
    records = np.memmap(file, np.uint8, "r", shape=(layout.whole, layout.stride))
    labels = np.array(records[:, layout.labels_inside - 1])
    found = _first(beside, ("batches.meta.txt" if layout.labels_inside == 1 else "fine_label_names.txt",))
    if not found:
        return labels, {}
    with found.open("rb") as source:
        names = source.read(_MAX_NAMES).decode("utf-8", "replace").split()
    return labels, {str(index): name for index, name in enumerate(names)}


def _first(beside: Beside, names: tuple[str, ...]) -> Path | None:
    for name in names:
        with suppress(FileNotFoundError):
            found = beside(name)
            if found.exists():
                return found
    return None


def _split(name: str) -> str | None:
    name = name.lower()
    if "test" in name or "t10k" in name:
        return "test"
    return "train" if "train" in name or name.startswith("data_batch") else None
