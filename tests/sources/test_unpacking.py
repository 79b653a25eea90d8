"""Compressed streams: unpacked once, the cut and damaged ones as far as they go, and no bomb."""

import bz2
import gzip
import io
import lzma
import random
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from nightsort.errors import PictureError
from nightsort.sources import unpacking
from nightsort.sources.files import Access, local, partial


def zstd(data: bytes) -> bytes:
    """One zstd frame."""
    return bytes(pa.compress(data, "zstd", asbytes=True))


# Bytes that do not shrink much and fill several blocks of every format, so that half a stream holds some.
DATA = bytes(random.Random(0).choices(range(64), k=3_000_000))
PACKED: dict[str, Callable[[bytes], bytes]] = {
    "a.tar.gz": gzip.compress,
    "a.tgz": gzip.compress,
    "a.tar.bz2": lambda data: bz2.compress(data, 1),
    "a.tar.xz": lambda data: lzma.compress(data, preset=0),
    "a.TAR.ZST": zstd,
    "a.tzst": zstd,
    "train-images-idx3-ubyte.gz": gzip.compress,
}


@pytest.fixture
def access(tmp_path: Path) -> Access:
    """Local copies go to a folder of the test's own, not there yet."""
    return Access(scratch=str(tmp_path / "scratch"))


def copies(access: Access) -> list[Path]:
    """Every folder of the scratch folder."""
    return [folder for folder in Path(access.scratch).iterdir() if folder.is_dir()]


@pytest.mark.parametrize("name", PACKED)
def test_a_compressed_file_is_unpacked_once(name: str, tmp_path: Path, access: Access) -> None:
    (tmp_path / name).write_bytes(PACKED[name](DATA))
    copy = local(str(tmp_path / name), access)
    assert copy.read_bytes() == DATA
    assert copy.name in ("a.tar", "a.TAR", "train-images-idx3-ubyte")
    assert partial(copy) == ""
    made = copy.stat().st_mtime_ns
    assert local(str(tmp_path / name), access) == copy
    assert copy.stat().st_mtime_ns == made and len(copies(access)) == 1


@pytest.mark.parametrize("name", PACKED)
def test_streams_one_after_another_are_one_file(name: str, tmp_path: Path, access: Access) -> None:
    (tmp_path / name).write_bytes(PACKED[name](DATA[:1000]) + PACKED[name](DATA[1000:2000]))
    assert local(str(tmp_path / name), access).read_bytes() == DATA[:2000]


@pytest.mark.parametrize("name", PACKED)
def test_of_a_cut_stream_there_is_what_came_before_the_cut(name: str, tmp_path: Path, access: Access) -> None:
    packed = PACKED[name](DATA)
    (tmp_path / name).write_bytes(packed[: len(packed) * 3 // 4])
    copy = local(str(tmp_path / name), access)
    whole = copy.stat().st_size
    assert len(DATA) // 3 < whole < len(DATA) and DATA.startswith(copy.read_bytes())
    assert partial(copy).startswith(f"damaged after {whole} unpacked bytes: ")


@pytest.mark.parametrize("name", PACKED)
def test_of_a_damaged_stream_there_is_what_came_before(name: str, tmp_path: Path, access: Access) -> None:
    packed = bytearray(PACKED[name](DATA))
    packed[len(packed) // 2 :] = bytes(len(packed) - len(packed) // 2)
    (tmp_path / name).write_bytes(packed)
    copy = local(str(tmp_path / name), access)
    assert partial(copy) != ""
    start = copy.read_bytes()[: len(DATA) // 4]
    assert len(start) == len(DATA) // 4 and DATA.startswith(start)


@pytest.mark.parametrize("name", PACKED)
def test_of_what_is_no_stream_there_is_nothing(name: str, tmp_path: Path, access: Access) -> None:
    (tmp_path / name).write_bytes(b"this is not a compressed file")
    copy = local(str(tmp_path / name), access)
    assert copy.read_bytes() == b"" and partial(copy).startswith("damaged after 0 unpacked bytes: ")


@pytest.mark.parametrize("name", PACKED)
def test_a_bomb_is_refused_and_leaves_nothing(
    name: str, tmp_path: Path, access: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpacking, "_HARMLESS_BYTES", 1_000_000)
    (tmp_path / name).write_bytes(PACKED[name](bytes(8_000_000)))
    with pytest.raises(PictureError, match=r"^bomb: \d+ bytes unpack to [1-9]\d{6} and more$"):
        local(str(tmp_path / name), access)
    assert copies(access) == []
    harmless = Access(scratch=access.scratch, max_ratio=1_000_000)
    assert local(str(tmp_path / name), harmless).stat().st_size == 8_000_000


@pytest.mark.parametrize("name", ["a.gz", "a.bz2", "a.xz", "a.zst"])
@pytest.mark.parametrize("error", [OSError(5, "the disk is gone"), OSError("the store is gone")])
def test_a_source_that_fails_is_no_damaged_stream(name: str, error: OSError) -> None:
    """Else what could not be read this night would be set aside for ever."""

    class Failing(io.BytesIO):
        """A stream whose second half cannot be read."""

        def read(self, size: int | None = -1) -> bytes:
            if self.tell() > len(self.getbuffer()) // 2:
                raise error
            return super().read(size)

    suffix = name[1:]
    packed = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress, ".zst": zstd}[suffix](DATA[:300_000])
    with pytest.raises(OSError, match=str(error.strerror or error)):
        unpacking.unpack(Failing(packed), suffix, io.BytesIO(), max_ratio=100.0)
