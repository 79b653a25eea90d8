"""A version is one commit, reads the same for ever, and holds a picture once."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable, Schema

from nightsort import quarantine
from nightsort.dataset.admission import PRESENT, admit
from nightsort.dataset.policy import Policy, load
from nightsort.dataset.shards import REPEATED, build
from nightsort.dataset.versions import Dataset
from nightsort.errors import DatasetError
from nightsort.quarantine import Quarantine
from nightsort.schema import EXAMPLES, QUARANTINE, SPLITS
from nightsort.sources.arrivals import KNOWN
from nightsort.storage import Storage


def content(dataset: Dataset, version: int) -> dict[str, tuple[str, str, bytes]]:
    """What a version holds: sha256 -> (split, label, image); a picture there twice is a failure."""
    found: dict[str, tuple[str, str, bytes]] = {}
    for split in SPLITS:
        for batch in dataset.images(version, split):
            for row in batch.to_pylist():
                assert row["sha256"] not in found
                found[row["sha256"]] = (split, row["label"], row["image"])
        assert dataset.fingerprints(version, split) == sorted(sha for sha, row in found.items() if row[0] == split)
    return found


def test_an_empty_dataset_says_what_to_do(storage: Storage) -> None:
    dataset = Dataset(storage)
    assert dataset.version() is None
    assert dataset.counts() == {}
    assert dataset.known().num_rows == 0 and dataset.known().schema == KNOWN
    for ask in (lambda: dataset.resolve(None), lambda: dataset.resolve(1), dataset.policy):
        with pytest.raises(DatasetError, match="is empty; run 'nightsort ingest FOLDER' first"):
            ask()
    assert not Path(storage.root).exists()  # looking leaves nothing behind


def test_an_uncommitted_shard_is_invisible(labelled: Callable[..., Path], intake: Callable[..., Any]) -> None:
    run, source = intake(), labelled("crack", "dent")
    lost = run.shard(source)
    assert (Path(run.dataset.folder) / lost.file.name).exists()
    assert run.dataset.version() is None and run.dataset.counts() == {} and run.dataset.known().num_rows == 0
    assert run.ingest(source) == 1
    assert len(content(run.dataset, 1)) == 8  # and not 16


def test_a_first_commit_that_died_half_way_is_no_version(storage: Storage) -> None:
    dataset = Dataset(storage)
    DeltaTable.create(storage.locate("dataset/examples"), Schema.from_arrow(EXAMPLES))
    assert dataset.version() is None
    with pytest.raises(DatasetError, match="is empty"):
        dataset.resolve(0)


def test_several_shards_are_one_version(labelled: Callable[..., Path], intake: Callable[..., Any]) -> None:
    run = intake()
    new = run.new(labelled("crack", "dent", "stain"))
    shards = [build(new.slice(start, 5), run.order) for start in (0, 5, 10)]
    built = pa.concat_tables([shard.built for shard in shards])
    nothing = pa.chunked_array([[]], pa.string())
    rows = admit(
        built, REPEATED.empty_table(), run.dataset.examples(PRESENT), nothing, REPEATED.empty_table(), run.order.policy
    )
    assert run.dataset.commit([shard.file for shard in shards], rows.examples, run.order.policy, "run") == 1
    assert run.dataset.version() == 1
    assert len(content(run.dataset, 1)) == 12


def test_a_version_reads_the_same_after_the_next_and_growth_moves_nothing(
    labelled: Callable[..., Path], intake: Callable[..., Any]
) -> None:
    run = intake(validation=0.3, test=0.3)
    assert run.ingest(labelled("crack", "dent", count=8)) == 1
    first, counts = content(run.dataset, 1), run.dataset.counts(1)
    assert {split for split, _, _ in first.values()} == set(SPLITS)
    assert run.ingest(labelled("crack", "dent", "stain", count=8, first=8)) == 2
    assert content(run.dataset, 1) == first and run.dataset.counts(1) == counts
    second = content(run.dataset, 2)
    assert first.items() < second.items()
    assert len(second) == 16 + 24


def test_ingesting_again_finds_nothing_new(labelled: Callable[..., Path], intake: Callable[..., Any]) -> None:
    run, source = intake(), labelled("crack", "dent")
    run.ingest(source)
    assert run.new(source).num_rows == 0
    assert set(run.listed(source)["outcome"].to_pylist()) == {"skipped"}


def test_a_file_that_was_moved_stays_the_same_picture(
    labelled: Callable[..., Path], intake: Callable[..., Any]
) -> None:
    run, source = intake(), labelled("crack", "dent")
    run.ingest(source)
    before = content(run.dataset, 1)
    moved = (source / "crack" / "0.png").rename(source / "dent" / "moved.png")
    assert run.ingest(source) == 2
    after = content(run.dataset, 2)
    assert {sha: (split, image) for sha, (split, _, image) in after.items()} == {
        sha: (split, image) for sha, (split, _, image) in before.items()
    }
    assert {label for sha, (_, label, _) in after.items() if before[sha][1] != label} == {"dent"}
    assert str(moved) in run.dataset.examples(["path"])["path"].to_pylist()
    assert content(run.dataset, 1) == before
    assert run.new(source).num_rows == 0


def test_small_files_are_merged_and_every_version_reads_the_same(
    labelled: Callable[..., Path], intake: Callable[..., Any]
) -> None:
    run = intake(validation=0.3, test=0.3)
    for first in range(0, 12, 4):
        run.ingest(labelled("crack", "dent", first=first))
    before = [content(run.dataset, version) for version in (1, 2, 3)]
    assert run.dataset.tidy() == 0, "three files are not many"
    assert run.dataset.tidy(at_least=2) == 3
    assert [content(run.dataset, version) for version in (1, 2, 3)] == before
    assert (run.dataset.version(), run.dataset.tidy(at_least=2)) == (3, 0)


def test_versions_are_listed_with_what_they_hold(labelled: Callable[..., Path], intake: Callable[..., Any]) -> None:
    run = intake()
    run.ingest(labelled("crack", "dent"), "monday")
    run.ingest(labelled("crack", first=4), "tuesday")
    found = list(run.dataset.versions())
    assert [(version.number, version.run_id) for version in found] == [(2, "tuesday"), (1, "monday")]
    assert [version.counts for version in found] == [run.dataset.counts(2), run.dataset.counts(1)]


def test_a_withheld_picture_is_in_no_split(labelled: Callable[..., Path], intake: Callable[..., Any]) -> None:
    run = intake()
    run.ingest(labelled("crack", "dent"))
    [gone, *_] = content(run.dataset, 1)
    rows = run.dataset.withheld(pa.array([gone]))
    run.dataset.commit([], rows, run.order.policy, "run")
    assert content(run.dataset, 2).keys() == content(run.dataset, 1).keys() - {gone}
    assert gone not in run.dataset.known()["sha256"].to_pylist()


def test_a_picture_written_twice_is_read_once(labelled: Callable[..., Path], intake: Callable[..., Any]) -> None:
    run, source = intake(), labelled("crack", "dent")
    chunk = run.new(source)
    run.ingest(source)
    again = build(chunk, run.order)
    run.dataset.commit([again.file], run.dataset.withheld(pa.array([], pa.string())), run.order.policy, "again")
    assert len(content(run.dataset, 1)) == 8
    asked = pa.array(run.dataset.fingerprints(1, "train")[:2])
    assert (
        sorted(sha for batch in run.dataset.pictures(asked) for sha in batch["sha256"].to_pylist()) == asked.to_pylist()
    )


def test_a_picture_without_a_label_is_taken_in_once_it_lies_in_a_class_folder(
    labelled: Callable[..., Path], intake: Callable[..., Any], storage: Storage, picture: Callable[..., bytes]
) -> None:
    run, source = intake(), labelled("crack", "dent")
    (source / "top.png").write_bytes(picture(99))
    run.ingest(source)
    assert run.new(source).num_rows == 0  # where it lay it is known
    (source / "top.png").rename(source / "dent" / "top.png")
    assert [Path(path).name for path in run.new(source)["path"].to_pylist()] == ["top.png"]
    run.ingest(source)
    assert sum(run.dataset.counts()["dent"].values()) == 5


def test_counts_are_those_of_what_is_read(labelled: Callable[..., Path], intake: Callable[..., Any]) -> None:
    run = intake(validation=0.3, test=0.3)
    run.ingest(labelled("dent", "crack", count=9))
    expected = {label: dict.fromkeys(SPLITS, 0) for label in ("crack", "dent")}
    for split, label, _ in content(run.dataset, 1).values():
        expected[label][split] += 1
    assert run.dataset.counts() == expected
    assert list(run.dataset.counts()) == ["crack", "dent"]
    assert list(run.dataset.counts()["crack"]) == list(SPLITS)


def test_versions_that_are_not_there_are_named(labelled: Callable[..., Path], intake: Callable[..., Any]) -> None:
    run = intake()
    run.ingest(labelled("crack", "dent"))
    assert (run.dataset.resolve(None), run.dataset.resolve(1)) == (1, 1)
    for version in (0, 2):
        with pytest.raises(DatasetError, match=f"has no version {version}; there are 1 to 1"):
            run.dataset.resolve(version)


def test_the_policy_is_kept_with_the_first_version(
    labelled: Callable[..., Path], intake: Callable[..., Any], storage: Storage
) -> None:
    run = intake(store_side=32, group_by="x", near_duplicates=4)
    run.ingest(labelled("crack", "dent"))
    assert run.dataset.policy() == load(storage) == Policy(store_side=32, group_by="x", near_duplicates=4)
    (Path(storage.root) / "dataset" / "dataset.json").unlink()
    with pytest.raises(DatasetError, match=r"dataset\.json is missing"):
        run.dataset.policy()


def test_known_is_what_is_stored_and_what_an_ingest_set_aside(
    labelled: Callable[..., Path], intake: Callable[..., Any], storage: Storage
) -> None:
    run, source = intake(), labelled("crack", "dent", count=2)
    run.ingest(source)
    cases = [("text", "not_an_image", "ingest"), ("gone", "unreadable", "ingest"), ("other", "empty", "classify")]
    rows = [
        quarantine.row({"sha256": name, "path": name, "member": ""}, reason, "d", flow=flow, run_id="r")
        for name, reason, flow in cases
    ]
    Quarantine(storage).append(pa.Table.from_pylist(rows, schema=QUARANTINE))
    known = run.dataset.known()
    assert known.schema == KNOWN
    assert {Path(path).name for path in known["path"].to_pylist()} == {"0.png", "1.png", "text"}
    assert sorted(filter(None, known["label"].to_pylist())) == ["crack", "crack", "dent", "dent"]
