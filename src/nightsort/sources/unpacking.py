"""Owns compressed streams: gzip, bzip2, xz and zstd files written out plain.

Invariant: what could be unpacked of a cut or damaged stream is written, and the damage is told; no stream can
make us write without end.
Does not know what the streams hold.
"""

import bz2
import gzip
import lzma
import zlib
from collections.abc import Callable
from typing import BinaryIO

import pyarrow as pa

from nightsort.errors import PictureError

Read = Callable[[int], bytes]

_HARMLESS_BYTES = 1_000_000_000  # a stream may unpack to this much, whatever its ratio
_STEP = 1 << 16

# read1 gives what is there before it raises, read would lose it. Closing the file is up to whoever opened it.
_READERS: dict[str, Callable[[BinaryIO], Read]] = {
    ".gz": lambda file: gzip.GzipFile(fileobj=file).read1,
    ".bz2": lambda file: bz2.BZ2File(file).read1,
    ".xz": lambda file: lzma.LZMAFile(file).read1,  # noqa: SIM115
    ".zst": lambda file: pa.CompressedInputStream(pa.PythonFile(file, "r"), "zstd").read,
}
_TARS = {".tgz": ".gz", ".tbz2": ".bz2", ".txz": ".xz", ".tzst": ".zst"}


def plain_name(name: str) -> tuple[str, str]:
    """The name of the plain file, and the compression, "" if there is none.

    >>> plain_name("a.tgz"), plain_name("a.tar.zst"), plain_name("a.zip")
    (('a.tar', '.gz'), ('a.tar', '.zst'), ('a.zip', ''))
    """
    stem, dot, ending = name.rpartition(".")
    suffix = (dot + ending).lower()
    if stem and suffix in _TARS:
        return f"{stem}.tar", _TARS[suffix]
    return (stem, suffix) if stem and suffix in _READERS else (name, "")


def unpack(source: BinaryIO, compression: str, target: BinaryIO, max_ratio: float) -> str:
    """Write the stream out plain.

    :param compression: as `plain_name` says
    :param max_ratio: of the bytes written to those read
    :returns: what was wrong with the stream, after all that could be unpacked of it; "" if it was whole
    :raises PictureError: `bomb` beyond the ratio, once 1 GB is written
    :raises OSError: if the source cannot be read or the target not be written
    """
    counted = _Counted(source)
    read = _READERS[compression](counted)  # type: ignore[arg-type]
    written = 0
    while True:
        try:
            data = read(_STEP)
        except (EOFError, zlib.error, lzma.LZMAError, OSError) as error:
            if isinstance(error, OSError) and (error.errno is not None or counted.failed):
                raise  # the source's own trouble, not the stream's
            return f"damaged after {written} unpacked bytes: {error}"
        if not data:
            return ""
        target.write(data)
        written += len(data)
        if written > max(_HARMLESS_BYTES, max_ratio * counted.bytes):
            raise PictureError("bomb", f"{counted.bytes} bytes unpack to {written} and more")


class _Counted:
    """A file that counts what is read from it, and can tell its own failure from a damaged stream."""

    closed = False

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.bytes = 0
        self.failed = False

    def read(self, size: int = -1) -> bytes:
        try:
            data = self._file.read(size)
        except BaseException:
            self.failed = True
            raise
        self.bytes += len(data)
        return data

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def close(self) -> None:
        """Leave the file open: it is not ours."""
