"""The flow `compare`: a table of strategies, nothing published, nothing trained twice."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from flows.compare import compare
from flows.ingest import ingest
from nightsort.config.intake import IngestParams
from nightsort.config.search import CompareParams
from nightsort.dataset.versions import Dataset
from nightsort.errors import DatasetError, ModelError, RunError, TrainingError
from nightsort.evaluation.attempt import attempt
from nightsort.learning.feeds.loading import load_split
from nightsort.learning.fit import fit
from nightsort.reports import store
from nightsort.reports.data import Report
from nightsort.schema import EXAMPLES
from nightsort.storage import Storage
from tasks import lesson
from tasks.runs import Run

RECIPE: dict[str, Any] = {"image_size": 16, "epochs": 1, "batch_size": 16, "mixup": 0.0, "workers": 1}


@pytest.fixture(autouse=True)
def _inline(inline: None, inline_workers: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.compare.Workers", inline_workers)


@pytest.fixture
def tail(tmp_path: Path, pictures: Any) -> Storage:
    """A storage root with some red, fewer green and very few blue pictures, and none learned from."""
    source = pictures.labelled(tmp_path / "labelled", {"red": 30, "green": 20, "blue": 14})
    storage = Storage(str(tmp_path / "root"))
    ingest(IngestParams(source=str(source), storage=storage.root, settle_seconds=0))
    return storage


@pytest.fixture
def run(tail: Storage) -> Callable[..., Report]:
    def start(strategies: str, **changes: Any) -> Report:
        return compare(
            CompareParams.model_validate({"storage": tail.root, "strategies": strategies} | RECIPE | changes)
        )

    return start


@pytest.fixture
def attempted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Every training that is begun."""
    begun: list[tuple[str, int]] = []

    def noted(found: Any, shared: Any, params: Any) -> Any:
        begun.append((params.balance, params.seed))
        return attempt(found, shared, params)

    monkeypatch.setattr("tasks.compare.attempt", noted)
    return begun


def test_strategies_stand_side_by_side_and_nothing_is_published(run: Callable[..., Report], tail: Storage) -> None:
    report = run("none,class_weights", seeds=2, seed=5)
    assert report.state == "completed" and report.compare and report.training is None
    rows = report.compare.rows
    assert {row.strategy for row in rows} == {"none", "class_weights"}
    scores = [row.macro_f1 for row in rows]
    assert None not in scores and scores == sorted(scores, key=lambda value: -(value or 0))
    assert all(row.seeds == 2 and row.deviations.keys() >= {"macro_f1", "accuracy"} for row in rows)
    assert sum(row.total for row in report.compare.training) + report.compare.test < 64
    assert not tail.exists("models") and tail.names("checkpoints") == []
    page = Path(store.location(report)).read_text()
    assert 'id="comparison"' in page and "class weights" in page


def test_what_a_killed_comparison_finished_is_not_trained_again(
    run: Callable[..., Report], attempted: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = 0

    def dies_in_the_second(*args: Any, **kwargs: Any) -> Any:
        nonlocal counted
        counted += 1
        if counted == 2:
            raise KeyboardInterrupt
        return fit(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr("nightsort.learning.resumption.fit", dies_in_the_second)
        with pytest.raises(KeyboardInterrupt):
            run("none,focal")
    again = run("none,focal")
    assert attempted == [("none", 0), ("focal", 0), ("focal", 0)]
    assert again.compare and again.compare.resumed == 1 and len(again.compare.rows) == 2
    other = run("none", loading="stream")  # reads the shards in another order, and so is another training
    assert other.compare and other.compare.resumed == 0 and other.compare.rows[0].macro_f1 is not None


def test_a_strategy_that_fails_is_told_of_beside_the_others(
    run: Callable[..., Report], tail: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def diverges(train: Any, validation: Any, classes: Any, params: Any, **more: Any) -> Any:
        if params.balance != "none":
            raise TrainingError("epoch 1, batch 2: the loss is nan")
        return fit(train, validation, classes, params, **more)

    monkeypatch.setattr("nightsort.learning.resumption.fit", diverges)
    report = run("focal,none")
    assert report.compare
    first, second = report.compare.rows
    assert first.strategy == "none" and first.macro_f1 is not None
    assert second.macro_f1 is None and second.notes == ["seed 0: TrainingError: epoch 1, batch 2: the loss is nan"]
    with pytest.raises(RunError, match="every training failed; focal, seed 0: TrainingError"):
        run("focal")
    (failed,) = [report for report in store.latest(tail, 9) if report.state == "failed"]
    assert "the loss is nan" in failed.message


def test_what_is_wrong_with_every_strategy_alike_ends_it_at_once(
    run: Callable[..., Report], attempted: list[tuple[str, int]], tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match="'embedding' is what resnet18 makes"):
        run("none,focal", model="svm", features=["embedding"])
    assert len(attempted) == 1
    with pytest.raises(DatasetError, match="is empty"):
        compare(CompareParams(storage=str(tmp_path / "nowhere")))


def test_an_unknown_model_is_told_of_before_pictures_are_decoded(
    run: Callable[..., Report], attempted: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.compare.load_pictures", lambda *_: pytest.fail("pictures were decoded"))
    with pytest.raises(ModelError, match=r"unknown name 'smal_resnet'; near it: small_resnet"):
        run("none,focal", model="smal_resnet")
    assert attempted == []


def without_training(storage: Storage, label: str) -> None:
    """A new version of the dataset in which the training pictures of a class are test pictures."""
    dataset = Dataset(storage)
    rows = dataset.examples(EXAMPLES.names, (pc.field("label") == label) & (pc.field("split") == "train"))
    place = EXAMPLES.names.index("split")
    moved = rows.set_column(place, EXAMPLES.field("split"), pa.array(["test"] * len(rows), pa.string()))
    dataset.commit([], moved, dataset.policy(), "by hand")


def test_a_class_without_training_pictures_is_left_out_and_told_of(run: Callable[..., Report], tail: Storage) -> None:
    without_training(tail, "blue")
    counts = Dataset(tail).counts()
    report = run("none")
    assert report.compare and [row.label for row in report.compare.training] == ["green", "red"]
    assert report.compare.test == counts["green"]["test"] + counts["red"]["test"]
    kinds = [f"{counts['blue'][split]} {split}" for split in ("validation", "test") if counts["blue"][split]]
    assert report.compare.notes == [f"class blue: no training picture; its {' and '.join(kinds)} pictures are left out"]
    without_training(tail, "green")
    with pytest.raises(DatasetError, match="at least two classes with training pictures, got 1: red"):
        run("none")


def test_pictures_of_taught_classes_are_the_same_without_the_others(
    tail: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_training(tail, "blue")
    monkeypatch.setattr(lesson, "_classes_of_champion", lambda run: ["blue", "red", "amber"])
    params = CompareParams(storage=tail.root, image_size=16)
    taught = lesson.load_pictures(Run("compare", params), params, tmp_path)
    assert (taught.classes, taught.forgotten) == (["red", "green"], ["blue", "amber"])
    (tmp_path / "all").mkdir()
    classes = ["red", "green", "blue"]
    whole = load_split(Dataset(tail), 2, "test", classes, taught.preprocessing, tmp_path / "all")
    kept = whole.take(np.flatnonzero(whole.labels < 2))
    assert 0 < len(kept) < len(whole)
    assert kept.ids == taught.test.ids and kept.labels.tolist() == taught.test.labels.tolist()
    assert np.array_equal(kept.images, taught.test.images)
