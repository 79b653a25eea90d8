"""Every row of a chunk comes out stored, quarantined or deferred; what is stored is what was there."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from nightsort import datafiles
from nightsort.dataset import shards
from nightsort.dataset.shards import BUILT, REPEATED, build
from nightsort.images.appearance import appearance
from nightsort.images.decode import Decoded, decode
from nightsort.images.preprocess import reduce
from nightsort.rules import Rule
from nightsort.schema import IMAGES, LISTING, QUARANTINE


def pixels_of(shard: shards.Shard, intake: Any) -> dict[str, bytes]:
    table = pq.read_table(f"{intake.dataset.folder}/{shard.file.name}")
    assert table.schema.equals(IMAGES)
    return dict(zip(table["sha256"].to_pylist(), table["image"].to_pylist(), strict=True))


def test_every_row_is_accounted_for_once(
    labelled: Callable[..., Path], intake: Callable[..., Any], picture: Callable[..., bytes]
) -> None:
    source = labelled("crack", "dent", count=3)
    (source / "crack" / "cut.jpg").write_bytes(picture(7, "JPEG")[:-200])
    (source / "crack" / "text.png").write_bytes(b"hello")
    (source / "crack" / "twice.png").write_bytes((source / "crack" / "2.png").read_bytes())
    (source / "dent" / "empty.png").write_bytes(b"")
    (source / "dent" / "huge.png").write_bytes(picture(8, width=200, height=100))
    (source / "top.png").write_bytes(picture(9))
    (source / "dent" / "large.bin").write_bytes(b"\xff\xd8\xff" + bytes(2_000_000))
    run = intake()
    chunk = run.new(source)
    changed, vanished = source / "dent" / "0.png", source / "dent" / "1.png"
    changed.write_bytes(picture(77, width=50))
    vanished.unlink()
    shard = build(chunk, run.order)
    bad = {Path(row["path"]).name: row for row in shard.quarantined.to_pylist()}
    assert {name: row["reason"] for name, row in bad.items()} == {
        "cut.jpg": "truncated",
        "text.png": "not_an_image",
        "empty.png": "empty",
        "huge.png": "too_many_pixels",
        "large.bin": "too_large",
        "top.png": "no_label",
        "1.png": "unreadable",
    }
    assert (len(shard.built), len(shard.repeated), shard.deferred) == (4, 1, 1)
    assert len(shard.built) + len(shard.repeated) + shard.deferred + len(shard.quarantined) == len(chunk)
    assert (shard.built.schema, shard.repeated.schema) == (BUILT, REPEATED)
    assert {(row["flow"], row["run_id"]) for row in bad.values()} == {("ingest", "run")}


def test_what_is_set_aside_is_written_with_its_bytes(labelled: Callable[..., Path], intake: Callable[..., Any]) -> None:
    source, run = labelled("crack", "dent", count=1), intake()
    (source / "crack" / "text.png").write_bytes(b"hello")
    shard = run.shard(source)
    written = pq.read_table(f"{run.aside.folder}/{shard.quarantine_file.name}")
    assert written.schema.equals(QUARANTINE)
    assert written["content"].to_pylist() == [b"hello"]
    assert written.drop_columns("content").equals(shard.quarantined)
    assert run.aside.count() == 0, "nothing is in the quarantine until it is committed"


def test_what_is_built_is_the_picture_with_its_identity(
    labelled: Callable[..., Path], intake: Callable[..., Any], picture: Callable[..., bytes]
) -> None:
    source = labelled("crack", "dent")
    (source / "crack" / "big.png").write_bytes(picture(7, width=120, height=80))
    run = intake(store_side=40)
    shard = run.shard(source)
    images = pixels_of(shard, run)
    assert (shard.file.rows, shard.file.size) == (9, (Path(run.dataset.folder) / shard.file.name).stat().st_size)
    for row in shard.built.to_pylist():
        original = Path(row["path"]).read_bytes()
        assert row["sha256"] == hashlib.sha256(original).hexdigest()
        pixels = decode(original, 10**6)
        assert np.array_equal(decode(images[row["sha256"]], 10**6), reduce(pixels, 40))
        looks = appearance(Decoded.whole(pixels))
        assert {name: row[name] for name in looks} == pytest.approx(looks)
        assert row["label"] == Path(row["path"]).parent.name


def test_a_large_jpeg_is_kept_small_and_known_by_its_own_lengths(
    labelled: Callable[..., Path], intake: Callable[..., Any], picture: Callable[..., bytes]
) -> None:
    source = labelled("crack", count=1)
    exif = Image.Exif()
    exif[0x0112] = 6
    data = picture(7, "JPEG", width=768, height=512, exif=exif)  # at half its scale its shorter side is just right
    (source / "crack" / "large.jpg").write_bytes(data)
    run = intake(store_side=256)
    shard = build(run.new(source), replace(run.order, max_pixels=10**6))
    row = next(row for row in shard.built.to_pylist() if row["path"].endswith("large.jpg"))
    assert (row["width"], row["height"], row["aspect"]) == pytest.approx((512, 768, 512 / 768))
    kept = decode(pixels_of(shard, run)[row["sha256"]], 10**6)
    assert kept.shape == (384, 256, 3)
    assert np.abs(kept - reduce(decode(data, 10**6), 256).astype(int)).mean() <= 1


def test_a_region_of_interest_is_cut_from_the_whole_picture(
    labelled: Callable[..., Path], intake: Callable[..., Any], picture: Callable[..., bytes]
) -> None:
    data = picture(7, "JPEG", width=1600, height=1100)
    source = labelled("crack", count=0)
    (source / "crack" / "large.jpg").write_bytes(data)
    run = intake()
    chunk = run.new(source)
    chunk = chunk.set_column(chunk.schema.get_field_index("roi"), "roi", pa.array(["700,500,90,60"], pa.string()))
    shard = build(chunk, replace(run.order, max_pixels=10**7))
    (image,) = pixels_of(shard, run).values()
    whole = decode(data, 10**7)
    assert np.abs(decode(image, 10**6).astype(int) - whole[500:560, 700:790]).mean() <= 2
    assert shard.built.select(["width", "height"]).to_pylist() == [{"width": 1600, "height": 1100}]


def test_what_is_known_is_not_built_again(labelled: Callable[..., Path], intake: Callable[..., Any]) -> None:
    run = intake()
    run.ingest(labelled("crack", "dent"))
    labelled("crack")  # the same bytes, written anew
    shard = run.shard(labelled("dent", count=1, first=9))
    assert (len(shard.built), len(shard.repeated)) == (1, 4)


def test_a_worker_that_cannot_see_what_is_known_builds_it_again(
    labelled: Callable[..., Path], intake: Callable[..., Any]
) -> None:
    run, source = intake(), labelled("crack", "dent")
    chunk = run.new(source)
    run.ingest(source)
    assert len(build(chunk, replace(run.order, known="/nowhere/known.npy")).built) == 8


def test_a_rule_flags_a_picture_or_sets_it_aside(labelled: Callable[..., Path], intake: Callable[..., Any]) -> None:
    run, source = intake(), labelled("crack", count=4)
    listing, values = run.new(source), sorted(run.shard(source).built["brightness"].to_pylist())
    flag = Rule.parse(f"brightness > {values[1] + 0.001}: flag")
    leave_out = Rule.parse(f"brightness > {values[2] + 0.001}: quarantine")
    shard = build(listing, replace(run.order, rules=(flag, leave_out)))
    assert shard.quarantined["reason"].to_pylist() == ["poor_quality"]
    assert sorted(map(len, shard.built["flags"].to_pylist())) == [0, 0, 1]
    assert [str(flag)] in shard.built["flags"].to_pylist()


def test_the_time_of_every_stage_is_told(labelled: Callable[..., Path], intake: Callable[..., Any]) -> None:
    seconds = intake().shard(labelled("crack")).seconds
    assert seconds.keys() == {"read", "fingerprint", "decode", "measure and hash", "clean", "encode", "write"}
    assert all(value > 0 for value in seconds.values())


def test_a_chunk_without_a_good_picture_writes_no_file(tmp_path: Path, intake: Callable[..., Any]) -> None:
    (tmp_path / "in" / "crack").mkdir(parents=True)
    (tmp_path / "in" / "crack" / "a.png").write_bytes(b"nothing")
    run = intake()
    shard = run.shard(tmp_path / "in")
    assert (shard.file, len(shard.built), shard.quarantined.num_rows) == (None, 0, 1)
    assert not Path(run.dataset.folder).exists()
    assert build(LISTING.empty_table(), run.order).file is None


def test_a_retried_chunk_has_a_file_of_its_own(labelled: Callable[..., Path], intake: Callable[..., Any]) -> None:
    source, run = labelled("crack", "dent"), intake()
    assert run.shard(source).file.name != run.shard(source).file.name


def test_row_groups_are_sized_by_bytes(
    labelled: Callable[..., Path], intake: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datafiles, "_GROUP_BYTES", 8_000)
    run = intake()
    shard = run.shard(labelled("crack", "dent", count=10))
    meta = pq.ParquetFile(f"{run.dataset.folder}/{shard.file.name}").metadata
    sizes = [meta.row_group(i).total_byte_size for i in range(meta.num_row_groups)]
    assert len(sizes) > 2 and max(sizes) < 16_000
    image = meta.row_group(0).column(IMAGES.get_field_index("image"))
    assert image.compression == "UNCOMPRESSED"
