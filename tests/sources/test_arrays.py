"""IDX and CIFAR's binary files are pictures with labels; a header that lies is damage, and nothing is unpickled."""

import gzip
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from nightsort.errors import PictureError
from nightsort.images.decode import decode
from nightsort.sources.files import Access
from nightsort.sources.png import png, png_size
from nightsort.sources.reader import read

Listed = Callable[..., pa.Table]
Pixels = npt.NDArray[np.uint8]


def idx(pixels: Pixels) -> bytes:
    return struct.pack(">HBB", 0, 8, pixels.ndim) + struct.pack(f">{pixels.ndim}I", *pixels.shape) + pixels.tobytes()


@pytest.fixture
def digits() -> Pixels:
    """Twelve grey pictures of 5 by 7."""
    return np.random.default_rng(0).integers(0, 256, (12, 5, 7), dtype=np.uint8)


def pictures(rows: pa.Table) -> dict[str, Any]:
    return {row["member"]: data for row, data in read(rows, Access())}


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 3), (300, 400, 3)])
def test_a_png_is_lossless_and_as_long_as_it_says(shape: tuple[int, ...]) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
    data = png(pixels)
    assert len(data) == png_size(shape[0], shape[1], 3 if len(shape) == 3 else 1)
    again = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(again if len(shape) == 2 else again[:, :, ::-1], pixels)


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
        ("train-images.idx3-ubyte", "train-labels.idx1-ubyte"),
        ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"),
        ("emnist-letters-test-images-idx3-ubyte", "emnist-letters-test-labels-idx1-ubyte.gz"),
    ],
)
def test_idx_is_its_pictures_with_their_labels(
    images: str, labels: str, table: Listed, tmp_path: Path, digits: Pixels
) -> None:
    classes = np.arange(12, dtype=np.uint8) % 10
    for name, data in ((images, idx(digits)), (labels, idx(classes))):
        (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    rows = table(tmp_path, folder_splits=True, access=Access(scratch=str(tmp_path.with_name("scratch"))))
    members = rows.filter(pa.compute.not_equal(rows["member"], ""))
    assert members["member"].to_pylist() == [f"{i:05d}" for i in range(12)]
    assert members["label"].to_pylist() == [str(i % 10) for i in range(12)]
    assert set(members["split"].to_pylist()) == {"train" if images.startswith("train") else "test"}
    rest = rows.filter(pa.compute.equal(rows["member"], "")).to_pylist()
    assert [(Path(row["path"]).name, row["reason"]) for row in rest] == [(labels, "ignored_name")]
    found = pictures(members)
    assert {name: len(data) for name, data in found.items()} == dict.fromkeys(found, members["size"][0].as_py())
    for name, data in found.items():
        assert np.array_equal(decode(data, 10**6)[:, :, 0], digits[int(name)])


def test_without_labels_the_folder_is_the_label_and_no_split_is_taken(
    table: Listed, tmp_path: Path, digits: Pixels
) -> None:
    (tmp_path / "crack").mkdir()
    (tmp_path / "crack" / "train-images-idx3-ubyte").write_bytes(idx(digits))
    rows = table(tmp_path)
    assert set(rows["label"].to_pylist()) == {"crack"} and set(rows["split"].to_pylist()) == {None}


HUGE = struct.pack(">HBB3I", 0, 8, 3, 2**32 - 1, 2**32 - 1, 2**32 - 1)


@pytest.mark.parametrize(
    ("data", "whole", "says"),
    [
        (b"", 0, "not IDX"),
        (b"\0\0\x0d\3" + bytes(100), 0, "not IDX"),
        (HUGE + bytes(99), 0, "declares 4294967295 pictures of 4294967295x4294967295, and the file has bytes for 0"),
        (struct.pack(">HBB3I", 0, 8, 3, 2**32 - 1, 2, 2) + bytes(9), 2, "declares 4294967295 pictures of 2x2"),
        (struct.pack(">HBB3I", 0, 8, 3, 3, 0, 5), 0, "declares pictures of 5x0"),
        (struct.pack(">HBB3I", 0, 8, 3, 2, 2, 2) + bytes(20), 2, "has bytes for 5"),
    ],
)
def test_a_header_that_lies_is_damage_after_the_pictures_that_are_there(
    data: bytes, whole: int, says: str, table: Listed, tmp_path: Path
) -> None:
    (tmp_path / "train-images-idx3-ubyte").write_bytes(data)
    *members, bad = table(tmp_path).to_pylist()
    assert len(members) == whole and all(row["outcome"] is None for row in members)
    assert (bad["outcome"], bad["reason"], bad["member"]) == ("quarantined", "bad_archive", "")
    assert says in bad["detail"]


def test_labels_that_do_not_fit_are_damage(table: Listed, tmp_path: Path, digits: Pixels) -> None:
    (tmp_path / "t10k-images-idx3-ubyte").write_bytes(idx(digits))
    (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(idx(np.zeros(11, np.uint8)))
    bad = table(tmp_path).to_pylist()[0]
    assert bad["reason"] == "bad_archive" and "has 11 labels for 12 pictures" in bad["detail"]


@pytest.mark.parametrize(
    ("name", "coarse", "names", "split"),
    [
        ("data_batch_1.bin", b"", "batches.meta.txt", "train"),
        ("test_batch.bin", b"", "batches.meta.txt", "test"),
        ("train.bin", b"\x07", "fine_label_names.txt", "train"),
    ],
)
def test_cifar_is_its_pictures_with_their_class_names(
    name: str, coarse: bytes, names: str, split: str, table: Listed, tmp_path: Path
) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    records = [coarse + bytes([i % 2]) + picture.transpose(2, 0, 1).tobytes() for i, picture in enumerate(pixels)]
    (tmp_path / name).write_bytes(b"".join(records))
    (tmp_path / names).write_text("cat\ndog\n\n")
    rows = table(tmp_path, folder_splits=True)
    members = rows.filter(pa.compute.not_equal(rows["member"], ""))
    assert members["label"].to_pylist() == ["cat", "dog", "cat"]
    assert set(members["split"].to_pylist()) == {split}
    for member, data in pictures(members).items():
        assert np.array_equal(decode(data, 10**6), pixels[int(member)])


def test_a_cut_cifar_file_is_its_whole_records_and_damage(table: Listed, tmp_path: Path) -> None:
    (tmp_path / "test_batch.bin").write_bytes(bytes(3073 * 2 + 5))
    rows = table(tmp_path).to_pylist()
    assert [row["label"] for row in rows] == ["0", "0", None]
    assert "5 are left over" in rows[-1]["detail"]


def test_a_pickle_is_never_opened(table: Listed, tmp_path: Path) -> None:
    (tmp_path / "data_batch_1").write_bytes(b"cos\nsystem\n(S'touch owned'\ntR.")
    row = table(tmp_path).to_pylist()[0]
    assert (row["outcome"], row["reason"]) == ("quarantined", "unsupported_format")
    assert "pickle" in row["detail"]


def test_a_picture_beyond_the_cap_or_the_end_says_so(table: Listed, tmp_path: Path, digits: Pixels) -> None:
    (tmp_path / "train-images-idx3-ubyte").write_bytes(idx(digits))
    rows = table(tmp_path)
    (tmp_path / "train-images-idx3-ubyte").write_bytes(idx(digits[:11]))
    found = pictures(rows)
    assert isinstance(found.pop("00011"), PictureError) and all(isinstance(data, bytes) for data in found.values())
    refused = [data for _, data in read(rows, Access(max_bytes=34))]
    assert {data.reason for data in refused if isinstance(data, PictureError)} == {"too_large"}
