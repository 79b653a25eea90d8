"""A version is one commit, reads the same for ever, and holds a picture once."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable, Schema

from nightsort import quarantine
from nightsort.dataset.policy import Policy, load
from nightsort.dataset.shards import build
from nightsort.dataset.versions import Dataset, check_classes
from nightsort.errors import DatasetError
from nightsort.quarantine import Quarantine
from nightsort.schema import FINGERPRINTS, IMAGES, QUARANTINE, SPLITS
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
    DeltaTable.create(dataset.folder, Schema.from_arrow(IMAGES))
    assert dataset.version() is None
    with pytest.raises(DatasetError, match="is empty"):
        dataset.resolve(0)


def test_several_shards_are_one_version(labelled: Callable[..., Path], intake: Callable[..., Any]) -> None:
    run = intake()
    new = run.new(labelled("crack", "dent", "stain"))
    files = [build(new.slice(start, 5), run.order).file for start in (0, 5, 10)]
    assert run.dataset.commit(files, run.order.policy, "run") == 1
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
    assert set(run.decided(source)["outcome"].to_pylist()) == {"skipped"}
    (source / "crack" / "0.png").rename(source / "crack" / "renamed.png")
    assert sorted(run.decided(source)["outcome"].to_pylist()) == ["duplicate"] + 7 * ["skipped"]


def test_a_picture_without_a_label_is_taken_in_once_it_lies_in_a_class_folder(
    labelled: Callable[..., Path], intake: Callable[..., Any], storage: Storage, picture: Callable[..., bytes]
) -> None:
    run, source = intake(), labelled("crack", "dent")
    (source / "top.png").write_bytes(picture(99))
    shard = run.shard(source)
    Quarantine(storage).append(shard.quarantined)
    run.dataset.commit([shard.file], run.order.policy, "run")
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
    run = intake(store_side=32, group_by="x")
    run.ingest(labelled("crack", "dent"))
    assert run.dataset.policy() == load(storage) == Policy(store_side=32, group_by="x")
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


def arriving(**labels: int) -> pa.Table:
    rows = [{"path": f"{label}{i}", "label": label} for label, count in labels.items() for i in range(count)]
    return pa.Table.from_pylist([*rows, {"path": "top", "label": None}], schema=FINGERPRINTS)


def known_labels(*labels: str) -> pa.Table:
    return pa.Table.from_pylist([{"path": "x", "label": label} for label in labels], schema=KNOWN)


def test_two_classes_of_two_pictures_are_enough() -> None:
    check_classes(known_labels(), arriving(crack=2, dent=2))


def test_what_is_known_counts_too() -> None:
    check_classes(known_labels("crack", "crack", "dent"), arriving(dent=1))
    check_classes(known_labels("crack", "crack"), arriving(dent=2))


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ({}, "no picture lies in a class folder; expected SOURCE/<class>/picture.jpg"),
        ({"crack": 9}, "only one class, 'crack'; a classifier needs folders of at least two classes"),
        ({"crack": 9, "dent": 1}, "class 'dent' has fewer than 2 pictures; add some or move the folder"),
        ({"a": 9, "c": 1, "b": 1}, "class 'b', 'c' has fewer than 2 pictures"),
    ],
)
def test_classes_that_cannot_be_learned_are_refused_in_one_line(labels: dict[str, int], message: str) -> None:
    with pytest.raises(DatasetError) as caught:
        check_classes(known_labels(), arriving(**labels))
    assert str(caught.value).startswith(message) and len(caught.value.lines) == 1


def test_a_thousand_small_classes_are_still_one_short_line() -> None:
    with pytest.raises(DatasetError) as caught:
        check_classes(known_labels(), arriving(**{f"class{i:04}": 1 for i in range(1000)}))
    assert len(str(caught.value)) < 500 and "'class0009' and 990 more has" in str(caught.value)
