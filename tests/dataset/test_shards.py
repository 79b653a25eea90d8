"""Every row of a chunk comes out stored, quarantined or deferred; what is stored is what was there."""

import hashlib
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nightsort.dataset import shards
from nightsort.dataset.shards import build
from nightsort.images.decode import decode
from nightsort.images.preprocess import reduce
from nightsort.schema import FINGERPRINTS, IMAGES, QUARANTINE


def table_of(shard: shards.Shard, intake: Any) -> pa.Table:
    return pq.read_table(f"{intake.dataset.folder}/{shard.file.name}")


def test_every_row_is_accounted_for_once(
    labelled: Callable[..., Path], intake: Callable[..., Any], picture: Callable[..., bytes]
) -> None:
    source = labelled("crack", "dent", count=3)
    (source / "crack" / "cut.jpg").write_bytes(picture(7, "JPEG")[:-200])
    (source / "crack" / "text.png").write_bytes(b"hello")
    (source / "dent" / "empty.png").write_bytes(b"")
    (source / "dent" / "huge.png").write_bytes(picture(8, width=200, height=100))
    (source / "top.png").write_bytes(picture(9))
    (source / "dent" / "large.bin").write_bytes(b"\xff\xd8\xff" + bytes(2_000_000))
    run = intake()
    chunk = run.new(source)
    changed, gone = source / "dent" / "0.png", source / "dent" / "1.png"
    changed.write_bytes(picture(77))
    gone.unlink()
    shard = build(chunk, run.order)
    bad = {Path(row["path"]).name: row for row in shard.quarantined.to_pylist()}
    assert {name: row["reason"] for name, row in bad.items()} == {
        "cut.jpg": "truncated",
        "text.png": "not_an_image",
        "empty.png": "empty",
        "huge.png": "too_many_pixels",
        "top.png": "no_label",
        "1.png": "unreadable",
    }
    assert (shard.stored, shard.deferred) == (4, 1)
    assert shard.stored + shard.deferred + shard.quarantined.num_rows == chunk.num_rows
    assert shard.quarantined.schema == QUARANTINE
    assert bad["text.png"]["content"] == b"hello" and bad["1.png"]["content"] is None
    assert {(row["flow"], row["run_id"]) for row in bad.values()} == {("ingest", "run")}


def test_what_is_stored_is_the_picture_with_its_identity(
    labelled: Callable[..., Path], intake: Callable[..., Any], picture: Callable[..., bytes]
) -> None:
    source = labelled("crack", "dent")
    (source / "crack" / "big.png").write_bytes(picture(7, width=120, height=80))
    run = intake(store_side=40)
    shard = run.shard(source)
    table = table_of(shard, run)
    assert table.schema.equals(IMAGES)
    assert (shard.file.rows, shard.file.size) == (9, (Path(run.dataset.folder) / shard.file.name).stat().st_size)
    for row in table.to_pylist():
        original = Path(row["path"]).read_bytes()
        assert row["sha256"] == hashlib.sha256(original).hexdigest()
        pixels = decode(original, 10**6)
        assert (row["height"], row["width"]) == pixels.shape[:2]
        assert np.array_equal(decode(row["image"], 10**6), reduce(pixels, 40))
        assert row["label"] == Path(row["path"]).parent.name
        assert row["group"] == row["sha256"]
        assert row["split"] == run.order.policy.split_of(row["group"])


def test_group_by_sees_the_path_of_a_file_and_the_name_of_a_member(
    labelled: Callable[..., Path], intake: Callable[..., Any], picture: Callable[..., bytes], tmp_path: Path
) -> None:
    source = labelled("crack", count=2)
    with zipfile.ZipFile(source / "a.zip", "w") as archive:
        archive.writestr("dent/0.png", picture(500))
        archive.writestr("dent/1.png", picture(501))
    run = intake(group_by=r"(\d)\.png$")
    groups = {(row["label"], row["group"]) for row in table_of(run.shard(source), run).to_pylist()}
    assert groups == {("crack", "0"), ("crack", "1"), ("dent", "0"), ("dent", "1")}


def test_a_chunk_without_a_good_picture_writes_no_file(tmp_path: Path, intake: Callable[..., Any]) -> None:
    (tmp_path / "in" / "crack").mkdir(parents=True)
    (tmp_path / "in" / "crack" / "a.png").write_bytes(b"nothing")
    run = intake()
    shard = run.shard(tmp_path / "in")
    assert (shard.file, shard.stored, shard.quarantined.num_rows) == (None, 0, 1)
    assert not Path(run.dataset.folder).exists()
    assert build(FINGERPRINTS.empty_table(), run.order).file is None


def test_a_retried_chunk_has_a_file_of_its_own(labelled: Callable[..., Path], intake: Callable[..., Any]) -> None:
    source, run = labelled("crack", "dent"), intake()
    assert run.shard(source).file.name != run.shard(source).file.name


def test_row_groups_are_sized_by_bytes(
    labelled: Callable[..., Path], intake: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "_GROUP_BYTES", 8_000)
    run = intake()
    shard = run.shard(labelled("crack", "dent", count=10))
    meta = pq.ParquetFile(f"{run.dataset.folder}/{shard.file.name}").metadata
    sizes = [meta.row_group(i).total_byte_size for i in range(meta.num_row_groups)]
    assert len(sizes) > 2 and max(sizes) < 16_000
    image = meta.row_group(0).column(IMAGES.get_field_index("image"))
    assert image.compression == "UNCOMPRESSED"
