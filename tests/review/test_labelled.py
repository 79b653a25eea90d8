"""Originals and their manifest: kept once, whole, and in the group of the place where they were found."""

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nightsort.dataset import policy
from nightsort.review.labelled import Labelled
from nightsort.sources.files import Access
from nightsort.storage import Storage

Row = dict[str, Any]


@pytest.fixture
def found(tmp_path: Path) -> Callable[..., Row]:
    """Writes a picture somewhere; its place, and what it was classified by."""

    def write(name: str, seed: int) -> Row:
        file = tmp_path / "drop" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(seed).integers(0, 255, (8, 8, 3), np.uint8)
        file.write_bytes(cv2.imencode(file.suffix, pixels)[1].tobytes())
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        return {"sha256": digest, "path": str(file), "member": "", "size": file.stat().st_size, "label": "crack"}

    return write


def kept(labelled: Labelled, rows: list[Row], tmp_path: Path) -> dict[str, str]:
    return labelled.keep(rows, Access(str(tmp_path / "scratch")), lambda count: None)


def manifest(labelled: Labelled, rows: list[Row]) -> tuple[int, list[Row]]:
    answers = pa.Table.from_pylist([{k: row[k] for k in ("sha256", "path", "member", "label")} for row in rows])
    return labelled.write_manifest(answers), pq.read_table(labelled.manifest).to_pylist()


def test_originals_are_kept_byte_for_byte_and_outlive_the_drop(found: Callable[..., Row], tmp_path: Path) -> None:
    labelled, rows = Labelled(Storage(str(tmp_path / "root"))), [found("a.png", 1), found("b.jpg", 2)]
    data = {row["sha256"]: Path(row["path"]).read_bytes() for row in rows}
    assert kept(labelled, rows, tmp_path) == {}
    shutil.rmtree(tmp_path / "drop")
    assert kept(labelled, rows, tmp_path) == {}, "they need not be read again"
    assert {name[:64]: name[64:] for name in labelled.kept().values()} == dict(zip(data, (".png", ".jpg"), strict=True))
    assert {file.stem: file.read_bytes() for file in Path(labelled.source).iterdir()} == data


def test_bytes_that_are_gone_or_others_are_not_kept(found: Callable[..., Row], tmp_path: Path) -> None:
    labelled, rows = (
        Labelled(Storage(str(tmp_path / "root"))),
        [found("a.png", 1), found("b.png", 2), found("c.png", 3)],
    )
    Path(rows[0]["path"]).unlink()
    shutil.copy(rows[2]["path"], rows[1]["path"])
    lost = kept(labelled, rows, tmp_path)
    assert lost.keys() == {rows[0]["sha256"], rows[1]["sha256"]} and "other bytes" in lost[rows[1]["sha256"]]
    count, named = manifest(labelled, rows)
    assert count == 1 and named == [{"path": f"{rows[2]['sha256']}.png", "label": "crack", "group": None}]


def test_the_group_is_that_of_the_place_where_it_was_found(found: Callable[..., Row], tmp_path: Path) -> None:
    storage = Storage(str(tmp_path / "root"))
    policy.save(storage, policy.Policy(group_by=r"(cam\d|pictures)"))
    rows = [found("cam7/a.png", 1), found("b.png", 2), found("c.png", 3)]
    labelled = Labelled(storage)
    assert kept(labelled, rows, tmp_path) == {}
    rows[2] |= {"path": "/in/night.mp4", "member": "00:01.000"}
    groups = {row["path"][:64]: row["group"] for row in manifest(labelled, rows)[1]}
    assert groups == {
        rows[0]["sha256"]: "cam7",
        rows[1]["sha256"]: rows[1]["sha256"],  # review/pictures would be matched otherwise
        rows[2]["sha256"]: "/in/night.mp4",
    }


def test_the_same_manifest_is_not_written_again(found: Callable[..., Row], tmp_path: Path) -> None:
    labelled, rows = Labelled(Storage(str(tmp_path / "root"))), [found("a.png", 1)]
    kept(labelled, rows, tmp_path)
    manifest(labelled, rows)
    before = Path(labelled.manifest).stat().st_mtime_ns
    manifest(labelled, rows)
    assert Path(labelled.manifest).stat().st_mtime_ns == before
    manifest(labelled, [rows[0] | {"label": "dent"}])
    assert Path(labelled.manifest).stat().st_mtime_ns != before
