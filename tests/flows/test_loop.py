"""The loop in one process: ingest, train, classify, again, rescore, retrain. Every file is accounted for."""

import json
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

import flows.classify as classify_module
from flows.classify import classify
from flows.ingest import ingest
from flows.retrain import retrain
from flows.train import train
from nightsort.config.intake import ClassifyParams, IngestParams
from nightsort.config.training import RetrainParams, TrainParams
from nightsort.dataset.versions import Dataset
from nightsort.errors import CeilingError, DatasetError, UnbalancedError
from nightsort.learning.registry import Registry
from nightsort.quarantine import Quarantine
from nightsort.reports import store
from nightsort.schema import WITHHELD
from nightsort.scoring.ledger import Ledger
from nightsort.storage import Storage
from tasks import classify as classify_stages
from tasks import ingest as ingest_stages

Params = Callable[..., ClassifyParams]
CLASSES = ["blue", "green", "red"]
pytestmark = pytest.mark.usefixtures("inline")


def nonzero(report: Any) -> dict[str, int]:
    """The outcomes of a report that occurred."""
    tally = report.intake.tally
    assert tally.balanced
    return {name: count for name, count in tally.model_dump(exclude={"balanced"}).items() if count}


def named(rows: pa.Table) -> dict[str, str]:
    """The predicted label by file or member name."""
    return {row["member"] or Path(row["path"]).name: row["label"] for row in rows.to_pylist()}


def predictions(root: Path) -> pa.Table:
    return Ledger(Storage(str(root))).predictions("path", "member", "label", "sha256", "model_version", "preprocessing")


def keys(root: Path) -> Counter[tuple[str, int, str]]:
    """How often each (sha256, model_version, preprocessing) is in the ledger."""
    rows = predictions(root).to_pylist()
    return Counter((row["sha256"], row["model_version"], row["preprocessing"]) for row in rows)


def test_everything_labelled_is_ingested_and_learned(trained: Any) -> None:
    assert nonzero(trained.ingested) == {"discovered": 120, "done": 120}
    assert {item.label: item.total for item in trained.ingested.ingest.classes} == dict.fromkeys(CLASSES, 40)
    assert trained.learned.training.scores.macro_f1 > 0.9
    assert trained.learned.training.decision.promoted
    storage = Storage(str(trained.root))
    assert Registry(storage).champion() == 1
    assert [run.flow for run in store.latest(storage, 9)] == ["train", "ingest"]


def test_no_picture_is_in_two_splits(trained: Any) -> None:
    dataset = Dataset(Storage(str(trained.root)))
    splits = [dataset.fingerprints(1, split) for split in ("train", "validation", "test")]
    assert all(splits) and sum(map(len, splits)) == 120
    assert len(set().union(*splits)) == 120


def test_every_file_of_a_drop_has_its_outcome(
    root: Path, tmp_path: Path, pictures: Any, classify_params: Params
) -> None:
    drop = pictures.mixed(tmp_path / "drop")
    report = classify(classify_params(drop.folder, chunk_size=4, batch_size=3))
    assert nonzero(report) == drop.tally
    assert report.intake.reasons == drop.reasons
    assert named(predictions(root)) == drop.truth
    assert set(keys(root).values()) == {1}
    aside = Quarantine(Storage(str(root))).rows("path", "reason", "content").to_pylist()
    assert {(Path(row["path"]).name, row["reason"]) for row in aside} == {
        ("cut.jpg", "truncated"),
        ("notes.png", "not_an_image"),
        ("nothing.png", "empty"),
    }
    assert all(row["content"] == Path(row["path"]).read_bytes() for row in aside)
    assert report.classify.predicted and sum(item.total for item in report.classify.predicted) == drop.tally["done"]


def test_folders_of_a_drop_are_no_labels(root: Path, tmp_path: Path, pictures: Any, classify_params: Params) -> None:
    for camera in ("camera-1", "camera-2"):
        (tmp_path / "drop" / camera).mkdir(parents=True)
        (tmp_path / "drop" / camera / "a.png").write_bytes(pictures.one("red", 3000))
    assert nonzero(classify(classify_params(tmp_path / "drop"))) == {"discovered": 2, "done": 1, "duplicate": 1}


def test_the_same_drop_again_is_no_work(root: Path, tmp_path: Path, pictures: Any, classify_params: Params) -> None:
    drop = pictures.mixed(tmp_path / "drop")
    classify(classify_params(drop.folder))
    before = keys(root)
    again = classify(classify_params(drop.folder))
    assert nonzero(again) == {"discovered": 19, "deferred": 1, "skipped": 18}
    assert keys(root) == before
    assert Quarantine(Storage(str(root))).count() == 3
    (drop.folder / "growing.png.part").rename(drop.folder / "grown.png")
    assert nonzero(classify(classify_params(drop.folder)))["done"] == 1


def test_a_night_in_which_nothing_came_is_no_failure(root: Path, tmp_path: Path, classify_params: Params) -> None:
    (tmp_path / "drop").mkdir()
    report = classify(classify_params(tmp_path / "drop"))
    assert report.state == "completed" and nonzero(report) == {} and keys(root) == {}


def test_ingesting_again_adds_nothing(root: Path, trained: Any) -> None:
    report = ingest(IngestParams(source=str(trained.labelled), storage=str(root), settle_seconds=0))
    assert nonzero(report) == {"discovered": 120, "skipped": 120}
    assert report.ingest.dataset_version == 1
    assert Dataset(Storage(str(root))).version() == 1


def test_rescoring_classifies_once_under_each_champion(
    root: Path, tmp_path: Path, pictures: Any, classify_params: Params
) -> None:
    drop = pictures.plain(tmp_path / "drop", 6)
    classify(classify_params(drop.folder))
    storage = Storage(str(root))
    twin = Path(shutil.copytree(root / "models" / "1", root / "models" / "2")) / "bundle.json"
    twin.write_text(json.dumps(json.loads(twin.read_text()) | {"version": 2}))
    Registry(storage).promote(2, Registry(storage).alias())
    assert nonzero(classify(classify_params(drop.folder))) == {"discovered": 6, "skipped": 6}
    assert nonzero(classify(classify_params(drop.folder, rescore=True))) == {"discovered": 6, "done": 6}
    assert nonzero(classify(classify_params(drop.folder, rescore=True))) == {"discovered": 6, "skipped": 6}
    assert set(keys(root).values()) == {1}
    assert Counter(version for _, version, _ in keys(root)) == {1: 6, 2: 6}


def test_a_drop_that_is_mostly_unreadable_fails(root: Path, tmp_path: Path, classify_params: Params) -> None:
    folder = tmp_path / "drop"
    folder.mkdir()
    for number in range(5):
        (folder / f"{number}.png").write_text(f"not a picture {number}")
    with pytest.raises(CeilingError, match="5 of 5 pictures are quarantined"):
        classify(classify_params(folder, min_quarantined=5))
    (last,) = store.latest(Storage(str(root)), 1)
    assert (last.flow, last.state, last.intake.tally.quarantined) == ("classify", "failed", 5)
    assert "CeilingError" in last.message and last.seconds.keys() >= {"list_pictures", "classify_pictures"}


def test_a_labelled_folder_that_is_mostly_unreadable_makes_no_version(
    root: Path, tmp_path: Path, pictures: Any
) -> None:
    folder = pictures.labelled(tmp_path / "new", {"red": 2, "green": 2}, start=500)
    for number in range(6):
        (folder / "red" / f"bad{number}.png").write_text(f"not a picture {number}")
    with pytest.raises(CeilingError):
        ingest(IngestParams(source=str(folder), storage=str(root), settle_seconds=0, min_quarantined=5))
    assert Dataset(Storage(str(root))).version() == 1


def test_a_lost_prediction_fails_the_run(
    root: Path, tmp_path: Path, pictures: Any, classify_params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop, whole = pictures.plain(tmp_path / "drop", 6), classify_stages.classify

    def lossy(chunk: pa.Table, order: Any) -> Any:
        outcomes = whole(chunk, order)
        return replace(outcomes, predictions=outcomes.predictions.slice(1))

    monkeypatch.setattr(classify_stages, "classify", lossy)
    with pytest.raises(UnbalancedError, match="discovered 6 is not done 4"):
        classify(classify_params(drop.folder, chunk_size=3))
    (last,) = store.latest(Storage(str(root)), 1)
    assert last.state == "failed" and not last.intake.tally.balanced


def test_a_lost_labelled_picture_makes_no_version(
    root: Path, tmp_path: Path, pictures: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, whole = pictures.labelled(tmp_path / "new", {"red": 4, "green": 4}, start=500), ingest_stages.build
    monkeypatch.setattr(ingest_stages, "build", lambda chunk, order: whole(chunk.slice(1), order))
    with pytest.raises(UnbalancedError):
        ingest(IngestParams(source=str(folder), storage=str(root), settle_seconds=0))
    assert Dataset(Storage(str(root))).version() == 1


def test_a_picture_that_changes_meanwhile_is_deferred(
    root: Path, tmp_path: Path, pictures: Any, classify_params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop, open_account = pictures.plain(tmp_path / "drop", 6), classify_module.open_account

    def overwrite(*args: Any) -> Any:
        (drop.folder / "02.png").write_bytes(pictures.one("blue", 4000))  # was green when it was fingerprinted
        return open_account(*args)

    with monkeypatch.context() as patch:
        patch.setattr(classify_module, "open_account", overwrite)
        report = classify(classify_params(drop.folder))
    assert nonzero(report) == {"discovered": 6, "done": 5, "deferred": 1}
    assert report.intake.reasons == {"changed": 1}
    assert "02.png" not in named(predictions(root))
    classify(classify_params(drop.folder))
    assert named(predictions(root)) == drop.truth | {"02.png": "blue"}


def test_the_same_bytes_under_another_label_are_set_aside(root: Path, tmp_path: Path, pictures: Any) -> None:
    folder = pictures.labelled(tmp_path / "new", {"red": 2, "green": 2}, start=500)
    (folder / "green" / "known.png").write_bytes(pictures.one("red", 0))  # in the dataset as red
    (folder / "red" / "new.png").write_bytes(pictures.one("green", 500))  # in this source as green
    report = ingest(IngestParams(source=str(folder), storage=str(root), settle_seconds=0))
    assert nonzero(report) == {"discovered": 6, "done": 3, "quarantined": 3}
    assert report.intake.reasons == {"label_conflict": 3}
    storage = Storage(str(root))
    rows = Quarantine(storage).rows("path", "detail").to_pylist()
    twice = min(path.name for path in (folder / "green").iterdir())
    assert {Path(row["path"]).name for row in rows} == {"known.png", "new.png", twice}
    assert {row["detail"] for row in rows} == {"labels green, red"}
    assert (report.ingest.disputed, len(Dataset(storage).examples(["sha256"], pc.field("split") == WITHHELD))) == (1, 1)


def test_what_was_in_dispute_is_taken_in_once_it_is_settled(root: Path, tmp_path: Path, pictures: Any) -> None:
    folder = pictures.labelled(tmp_path / "new", {"red": 2, "green": 2}, start=500)
    wrong = folder / "green" / "known.png"
    wrong.write_bytes(pictures.one("red", 0))
    params = IngestParams(source=str(folder), storage=str(root), settle_seconds=0)
    ingest(params)
    wrong.rename(folder / "red" / "known.png")
    Quarantine(Storage(str(root))).requeue("label_conflict")
    assert nonzero(ingest(params)) == {"discovered": 5, "done": 1, "skipped": 4}
    assert not len(Dataset(Storage(str(root))).examples(["sha256"], pc.field("split") == WITHHELD))


def test_retraining_takes_in_new_labels_and_judges(
    root: Path, tmp_path: Path, pictures: Any, quick: dict[str, Any]
) -> None:
    storage = Storage(str(root))
    before = {split: set(Dataset(storage).fingerprints(1, split)) for split in ("train", "validation", "test")}
    folder = pictures.labelled(tmp_path / "new", {"amber": 10}, start=500)
    report = retrain(RetrainParams(source=str(folder), storage=str(root), workers=1, **quick))
    assert report.flow == "train" and report.training.dataset_version == 2
    assert sum(sum(splits.values()) for splits in Dataset(storage).counts(2).values()) == 130
    assert all(before[split] <= set(Dataset(storage).fingerprints(2, split)) for split in before), "splits stay"
    card = Registry(storage).cards()[-1]
    assert (card.version, card.classes) == (2, ["blue", "green", "red", "amber"]), "a new class is appended"
    decision = report.training.decision
    assert decision.champion_version == 1 and decision.champion_macro_f1 is not None
    slices = {part.name: part.pictures for part in decision.slices}
    assert slices["frozen"] == len(before["test"]) and sum(slices.values()) == report.training.scores.pictures
    assert Registry(storage).champion() == (2 if decision.promoted else 1)


def test_a_tie_does_not_promote(root: Path, quick: dict[str, Any]) -> None:
    report = train(TrainParams(storage=str(root), **quick))
    assert not report.training.decision.promoted and "not shown to be better" in report.training.decision.reason
    storage = Storage(str(root))
    assert (Registry(storage).champion(), Registry(storage).versions()) == (1, [1, 2])


def test_promote_off_leaves_the_champion(root: Path, quick: dict[str, Any]) -> None:
    (root / "models" / "champion" / "1.json").unlink()
    report = train(TrainParams(storage=str(root), promote=False, **quick))
    assert not report.training.decision.promoted
    assert report.training.decision.reason.startswith("promote is off; first champion")
    assert Registry(Storage(str(root))).champion() is None


def test_what_a_killed_training_decoded_is_swept_by_a_later_run(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(run: Any, params: Any, folder: Path) -> None:
        raise DatasetError(f"{Path(f'{folder}.lock').exists()}")  # of what has such a lock, the next run looks after

    monkeypatch.setattr("flows.train.load_pictures", stopped)
    with pytest.raises(DatasetError, match=r"^True$"):
        train(TrainParams(storage=str(root)))
