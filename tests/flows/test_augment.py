"""The flow `augment`: one version more, with copies in the training split and nowhere else."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from flows.augment import augment
from flows.ingest import ingest
from nightsort.config.curation import AugmentParams
from nightsort.config.intake import IngestParams
from nightsort.dataset.versions import Dataset
from nightsort.errors import DatasetError, ShardError
from nightsort.images.preprocess import Preprocessing
from nightsort.learning.feeds.loading import load_split
from nightsort.leases import lease
from nightsort.reports import store
from nightsort.reports.data import Report
from nightsort.reports.shown import ClassCount
from nightsort.storage import Storage
from tasks.compute import Done

BELOW = 20


@pytest.fixture(autouse=True)
def _inline(inline: None, inline_workers: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.augment.Workers", inline_workers)


@pytest.fixture
def tail(tmp_path: Path, pictures: Any) -> Storage:
    """A storage root with many red, few green and fewer blue pictures."""
    source = pictures.labelled(tmp_path / "labelled", {"red": 40, "green": 15, "blue": 8})
    storage = Storage(str(tmp_path / "root"))
    ingest(IngestParams(source=str(source), storage=storage.root, settle_seconds=0))
    return storage


def run(storage: Storage, **changes: Any) -> Report:
    """One augmentation up to BELOW training pictures a class."""
    return augment(AugmentParams(**{"storage": storage.root, "below": BELOW} | changes))


def totals(counts: list[ClassCount]) -> dict[str, int]:
    return {item.label: item.total for item in counts}


def test_rare_classes_are_filled_up_in_one_new_version(tail: Storage) -> None:
    dataset = Dataset(tail)
    before = dataset.counts()
    report = run(tail)
    assert report.state == "completed" and report.augment and report.augment.dataset_version == 2
    assert totals(report.augment.before) == {label: splits["train"] for label, splits in before.items()}
    assert totals(report.augment.after) == {label: max(BELOW, splits["train"]) for label, splits in before.items()}
    assert dataset.counts(1) == before
    added = sum(totals(report.augment.after).values()) - sum(totals(report.augment.before).values())
    steps = sum(report.augment.operations.values())
    assert added > 0 and 2 * added <= steps <= 3 * added and "flip" not in report.augment.operations
    assert {sheet.label for sheet in report.augment.sheets} == {"green", "blue"}
    assert sum(sheet.total for sheet in report.augment.sheets) == added
    assert all(image for sheet in report.augment.sheets for image in sheet.images)
    assert json.loads(tail.read_bytes(f"reports/{report.run_id}/report.json"))["augment"]
    assert Path(store.location(report)).exists()


def test_again_it_adds_nothing_and_with_a_higher_target_the_difference(tail: Storage) -> None:
    run(tail)
    again = run(tail)
    assert again.state == "completed" and again.augment and again.augment.dataset_version == 2
    assert again.augment.before == again.augment.after and not any(again.augment.operations.values())
    more = run(tail, below=BELOW + 3)
    assert more.augment and more.augment.dataset_version == 3
    grown = [
        after - before for before, after in zip(*map(_counts, (more.augment.before, more.augment.after)), strict=True)
    ]
    assert set(grown) == {0, 3}


def _counts(items: list[ClassCount]) -> list[int]:
    return [item.total for item in items]


def test_what_is_learned_from_has_copies_and_what_is_judged_by_has_none(tail: Storage, tmp_path: Path) -> None:
    run(tail)
    dataset = Dataset(tail)
    copies = set(dataset.examples(["sha256"], pc.is_valid(pc.field("parent")))["sha256"].to_pylist())
    classes, preprocessing = list(dataset.counts()), Preprocessing(dataset.policy().store_side, 16)
    loaded = {
        split: load_split(dataset, 2, split, classes, preprocessing, tmp_path)
        for split in ("train", "validation", "test")
    }
    assert copies and copies < set(loaded["train"].ids)
    assert not copies & {*loaded["validation"].ids, *loaded["test"].ids}


def test_an_ingest_after_it_takes_copies_for_nothing_it_knows(tail: Storage, tmp_path: Path, pictures: Any) -> None:
    run(tail)
    source = pictures.labelled(tmp_path / "more", {"green": 2}, start=500)
    first = ingest(IngestParams(source=str(source), storage=tail.root, settle_seconds=0))
    assert first.intake and first.intake.tally.done == 2
    assert Dataset(tail).version() == 3
    again = ingest(IngestParams(source=str(tmp_path / "labelled"), storage=tail.root, settle_seconds=0))
    assert again.intake and again.intake.tally.done == 0 and again.intake.tally.skipped == 63


def test_an_empty_dataset_says_what_to_do(storage: Storage) -> None:
    with pytest.raises(DatasetError, match="is empty; run 'nightsort ingest FOLDER' first"):
        run(storage)
    assert not Path(storage.root).exists()


def test_while_somebody_else_writes_it_is_skipped(tail: Storage) -> None:
    with lease.hold(tail, "dataset"):
        report = run(tail)
    assert report.state == "skipped" and "this run is skipped" in report.message
    assert Dataset(tail).version() == 1


def test_a_chunk_that_kills_its_worker_ends_the_run_and_leaves_the_dataset(
    tail: Storage, inline_workers: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deadly(self: Any, function: Callable[..., Any], chunks: Any, *args: Any) -> Any:
        yield from (Done[pa.Table](chunk, None) for chunk in chunks)

    monkeypatch.setattr(inline_workers, "map", deadly)
    with pytest.raises(ShardError, match="died, twice"):
        run(tail)
    assert Dataset(tail).version() == 1
