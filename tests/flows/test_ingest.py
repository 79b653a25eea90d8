"""Whatever holds the pictures, the dataset is the same: each once, in one split, and nothing twice."""

import gzip
import os
import struct
import time
from collections import Counter
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from flows.ingest import ingest
from nightsort.config.intake import IngestParams
from nightsort.dataset.versions import Dataset
from nightsort.errors import DatasetError
from nightsort.images.decode import decode
from nightsort.reports.data import Report
from nightsort.schema import EXAMPLES, SPLITS
from nightsort.storage import Storage
from tests.flows.shelves import SHELVES, Pictures, Shelf, class_folders, flat, labelled, parquet_manifest, stored

pytestmark = pytest.mark.usefixtures("inline")


def run(place: Path, root: Path, source: str, **changes: Any) -> Report:
    """One ingest of a source below `place`; its account balances."""
    asked = IngestParams(**{"source": str(place / source), "storage": str(root), "settle_seconds": 0} | changes)
    report = ingest(asked)
    assert report.state == "completed" and report.intake and report.intake.tally.balanced
    return report


def done(report: Report) -> int:
    """How many pictures were taken in."""
    assert report.intake
    return report.intake.tally.done


@pytest.fixture(scope="module")
def first() -> Pictures:
    return labelled(20)


@pytest.fixture(scope="module")
def grown(first: Pictures) -> Pictures:
    """Ten more."""
    return first | labelled(10, start=20)


@pytest.fixture(scope="module")
def expected(
    tmp_path_factory: pytest.TempPathFactory, first: Pictures, grown: Pictures, inline_workers: Any
) -> list[set[tuple[str, str, str, str]]]:
    """Both versions of the dataset, of a folder of class folders."""
    folder = tmp_path_factory.mktemp("expected")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("flows.ingest.Workers", inline_workers)
        for pictures in (first, grown):
            run(folder, folder / "root", **class_folders(folder, pictures))
    versions = [stored(folder / "root", version) for version in (1, 2)]
    for rows, pictures in zip(versions, (first, grown), strict=True):
        assert {(name, label) for _, label, name, _ in rows} == {(name, item[0]) for name, item in pictures.items()}
    return versions


@pytest.mark.parametrize("shelf", SHELVES.values(), ids=SHELVES)
def test_the_same_pictures_are_the_same_dataset_and_only_new_ones_are_added(
    shelf: Shelf, tmp_path: Path, first: Pictures, grown: Pictures, expected: list[set[tuple[str, str, str, str]]]
) -> None:
    root = tmp_path / "root"
    words = shelf(tmp_path, first)
    assert done(run(tmp_path, root, **words)) == 20
    assert stored(root) == expected[0]
    assert done(run(tmp_path, root, **words)) == 0
    assert Dataset(Storage(str(root))).version() == 1
    assert done(run(tmp_path, root, **shelf(tmp_path, grown))) == 10
    assert stored(root) == expected[1]
    assert stored(root, 1) == expected[0]


def test_a_manifest_says_group_split_and_weight(tmp_path: Path, first: Pictures) -> None:
    groups = [f"tile-{number // 5}" for number in range(20)]
    splits = [{0: "test", 1: "validation"}.get(number // 5, "train") for number in range(20)]
    weights = [1.0 + number for number in range(20)]
    words = parquet_manifest(tmp_path, first, group=groups, split=splits, weight=weights)
    run(tmp_path, tmp_path / "root", **words)
    rows = Dataset(Storage(str(tmp_path / "root"))).examples(["path", "group", "split", "weight"]).to_pylist()
    said = {Path(row["path"]).name: (row["group"], row["split"], row["weight"]) for row in rows}
    assert said == dict(zip(first, zip(groups, splits, weights, strict=True), strict=True))


def test_a_manifest_that_names_other_places_is_refused(tmp_path: Path, first: Pictures) -> None:
    flat(tmp_path, first)
    (tmp_path / "in" / "labels.csv").write_text("path,label\n" + "".join(f"elsewhere/{name},a\n" for name in first))
    with pytest.raises(DatasetError, match=r"labels\.csv: gives no picture of .*/in a label; its paths must"):
        run(tmp_path, tmp_path / "root", "in", manifest="labels.csv")


def pixels(root: Path) -> dict[str, tuple[str, str, np.ndarray]]:
    """Member -> class, split and what is kept of the picture."""
    dataset = Dataset(Storage(str(root)))
    rows = {row["sha256"]: row for row in dataset.examples(["sha256", "member", "label", "split"]).to_pylist()}
    found = {}
    for split in SPLITS:
        for batch in dataset.images(1, split):
            for item in batch.to_pylist():
                row = rows[item["sha256"]]
                found[row["member"]] = (row["label"], row["split"], decode(item["image"], 10**6))
    assert len(found) == len(rows)
    return found


def test_mnist_is_taken_as_it_is_published(tmp_path: Path) -> None:
    digits = np.random.default_rng(0).integers(0, 256, (30, 28, 28), dtype=np.uint8)
    classes = np.arange(30, dtype=np.uint8) % 10
    (tmp_path / "in").mkdir()
    for name, array in (("train-images-idx3-ubyte.gz", digits), ("train-labels-idx1-ubyte.gz", classes)):
        header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
        (tmp_path / "in" / name).write_bytes(gzip.compress(header + array.tobytes()))
    assert done(run(tmp_path, tmp_path / "root", "in", folder_splits=True)) == 30
    found = pixels(tmp_path / "root")
    for number, (digit, label) in enumerate(zip(digits, classes, strict=True)):
        assert found[f"{number:05d}"][:2] == (str(label), "train")
        assert np.array_equal(found[f"{number:05d}"][2], np.repeat(digit[..., None], 3, axis=2))
    assert done(run(tmp_path, tmp_path / "root", "in", folder_splits=True)) == 0


def test_cifar_is_taken_as_it_is_published(tmp_path: Path) -> None:
    planes = np.random.default_rng(0).integers(0, 256, (24, 3, 32, 32), dtype=np.uint8)
    classes = np.arange(24, dtype=np.uint8) % 3
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "batches.meta.txt").write_text("airplane\nautomobile\nbird\n")
    records = np.concatenate([classes[:, None], planes.reshape(24, -1)], axis=1)
    for name, part in (("data_batch_1.bin", records[:16]), ("test_batch.bin", records[16:])):
        (tmp_path / "in" / name).write_bytes(part.tobytes())
    assert done(run(tmp_path, tmp_path / "root", "in", folder_splits=True)) == 24
    rows = Dataset(Storage(str(tmp_path / "root"))).examples(["label", "split"]).to_pylist()
    assert Counter(row["split"] for row in rows) == {"train": 16, "test": 8}
    assert Counter(row["label"] for row in rows) == {"airplane": 8, "automobile": 8, "bird": 8}
    test = run_of_one(tmp_path, "test_batch.bin")
    for number in range(8):
        assert np.array_equal(test[f"{number:05d}"][2], planes[16 + number].transpose(1, 2, 0))


def run_of_one(place: Path, name: str) -> dict[str, tuple[str, str, np.ndarray]]:
    """What a dataset of this one file holds."""
    run(place, place / "one", f"in/{name}")
    return pixels(place / "one")


def test_the_frames_of_a_video_stay_in_one_split(tmp_path: Path) -> None:
    """Each film is twelve pictures that nobody would take for near-duplicates."""
    rng = np.random.default_rng(0)
    for film in range(12):
        folder = tmp_path / "in" / ("fox", "owl")[film % 2]
        folder.mkdir(parents=True, exist_ok=True)
        writer = cv2.VideoWriter(str(folder / f"{film}.avi"), cv2.VideoWriter_fourcc(*"MJPG"), 4, (64, 48))
        for _ in range(12):
            coarse = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
            writer.write(cv2.resize(coarse, (64, 48), interpolation=cv2.INTER_CUBIC))
        writer.release()
    report = run(tmp_path, tmp_path / "root", "in", frames_per_second=2, validation=0.3, test=0.3)
    assert done(report) == 12 * 6
    rows = Dataset(Storage(str(tmp_path / "root"))).examples(["path", "split", "group", "label"]).to_pylist()
    films = {row["path"] for row in rows}
    homes = {(row["path"], row["group"], row["split"], row["label"]) for row in rows}
    assert len(films) == len(homes) == 12, "a film is one group, in one split"
    assert len({split for _, _, split, _ in homes}) > 1
    assert done(run(tmp_path, tmp_path / "root", "in", frames_per_second=2)) == 0


def test_a_version_reads_the_same_byte_for_byte_whatever_comes_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, dataset = tmp_path / "root", Dataset(Storage(str(tmp_path / "root")))

    def whole(version: int) -> tuple[list[Any], list[Any]]:
        rows = dataset.examples(EXAMPLES.names, version=version).sort_by("sha256").to_pylist()
        kept = (item for split in SPLITS for batch in dataset.images(version, split) for item in batch.to_pylist())
        return rows, sorted(kept, key=lambda item: item["sha256"])

    versions = []
    for number in range(4):
        words = class_folders(tmp_path / str(number), labelled(12, start=12 * number))
        assert done(run(tmp_path / str(number), root, **words, chunk_size=4)) == 12
        versions.append(whole(number + 1))
    assert [len(rows) for rows, _ in versions] == [len(kept) for _, kept in versions] == [12, 24, 36, 48]
    before = set(Path(dataset.folder).glob("*.parquet"))
    monkeypatch.setattr("nightsort.dataset.versions._HOURS_TO_FINISH", 0)
    assert dataset.tidy(at_least=2) == 12
    after = set(Path(dataset.folder).glob("*.parquet"))
    assert len(after) == 1 and not after & before, "merged, and the small files are gone"
    assert [whole(number) for number in (1, 2, 3, 4)] == versions


def test_what_a_failed_run_left_is_deleted_a_day_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, words = tmp_path / "root", class_folders(tmp_path, labelled(12))
    with monkeypatch.context() as patch:
        patch.setattr("flows.ingest.admit_pictures", lambda *_: 1 / 0)
        for _ in range(2):
            with pytest.raises(ZeroDivisionError):
                run(tmp_path, root, **words)
    old, young = (root / "dataset" / "images").glob("*.parquet")
    yesterday = time.time() - 25 * 3600
    os.utime(old, (yesterday, yesterday))
    assert done(run(tmp_path, root, **words)) == 12
    kept = set((root / "dataset" / "images").glob("*.parquet"))
    assert old not in kept and young in kept and len(kept) == 2
