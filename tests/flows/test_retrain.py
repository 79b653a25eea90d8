"""Retraining on arrival: the facts that the rule goes by, and what a retraining does in which order."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from flows import retrain as module
from flows.ingest import ingest
from flows.retrain import retrain
from nightsort import clock
from nightsort.config.intake import ClassifyParams, IngestParams
from nightsort.config.training import RetrainParams, TrainParams
from nightsort.dataset.versions import Dataset
from nightsort.errors import StorageError
from nightsort.evaluation.scores import Decision
from nightsort.learning.card import load_card
from nightsort.reports import digest
from nightsort.reports.data import Report
from nightsort.storage import Storage
from tasks.retrain import weigh_need
from tasks.runs import Run

pytestmark = pytest.mark.usefixtures("inline")
Say = Callable[..., str]


@pytest.fixture
def say(root: Path) -> Say:
    """What the rule says of the root, at any distance from its training unless told otherwise."""

    def weigh(**changes: Any) -> str:
        params = RetrainParams(**{"storage": str(root), "cool_down_hours": 0, "min_new_labels": 5} | changes)
        need = weigh_need(Run("retrain", params), params)
        return f"{'due' if need.due else 'not due'}: {need.reason}"

    return weigh


@pytest.fixture
def storage(root: Path) -> Storage:
    return Storage(str(root))


def night(storage: Storage, began: datetime, flow: str = "classify", **changes: Any) -> None:
    """A run that ended, as its digest has it."""
    run_id = f"{began:%Y%m%dT%H%M%S}000Z-{flow}-0000"
    plain = {"state": "completed", "started": began, "finished": began, "title": "", "verdict": "", "tone": "note"}
    digest.write(storage, digest.Digest(**{"run_id": run_id, "flow": flow} | plain | changes))


def publish(storage: Storage, version: int, **changes: Any) -> None:
    """The card of another model."""
    card = load_card(storage, 1).model_copy(update={"version": version, "created": clock.now()} | changes)
    storage.write_bytes(f"models/{version}/bundle.json", card.model_dump_json().encode())


def arrive(tmp_path: Path, root: Path, pictures: Any, count: int) -> None:
    folder = pictures.labelled(tmp_path / "new", {"red": count}, start=700)
    ingest(IngestParams(source=str(folder), storage=str(root), settle_seconds=0))


def test_labels_that_arrived_or_changed_are_counted(
    tmp_path: Path, root: Path, pictures: Any, say: Say, storage: Storage
) -> None:
    assert say() == "not due: 0 new labels since model 1 (5 are enough), and no drift was found"
    arrive(tmp_path, root, pictures, 3)
    assert say().startswith("not due: 3 new labels since model 1 (5 are enough)")
    dataset = Dataset(storage)
    names = ["sha256", "label", "path", "member", "size", "stamp"]
    changed = dataset.examples(names, pc.field("label") == "green").slice(0, 2)
    changed = changed.set_column(1, "label", pa.array(["blue", "blue"]))
    dataset.commit([], dataset.relabelled(changed), dataset.policy(), "a-run")
    assert say() == "due: 5 new labels since model 1 (5 are enough)"
    withheld = dataset.withheld(changed["sha256"].slice(0, 1).combine_chunks())
    dataset.commit([], withheld, dataset.policy(), "a-run")
    assert say().startswith("not due: 4 new labels since model 1 (5 are enough)"), "a label in dispute is no label"


def test_a_challenger_that_was_refused_has_seen_its_labels_and_an_ensemble_has_not(
    tmp_path: Path, root: Path, pictures: Any, say: Say, storage: Storage
) -> None:
    arrive(tmp_path, root, pictures, 6)
    publish(storage, 2, dataset_version=2, run_id="20300101T000000000Z-ensemble-0000")
    assert say() == "due: 6 new labels since model 1 (5 are enough)"
    publish(storage, 3, dataset_version=2, run_id="20300101T000000000Z-train-0000")
    assert say().startswith("not due: 0 new labels since model 3 (5 are enough)")


def test_only_drift_since_the_last_training_counts(
    tmp_path: Path, root: Path, pictures: Any, say: Say, storage: Storage
) -> None:
    arrive(tmp_path, root, pictures, 1)
    night(storage, clock.now() - timedelta(days=1), drifted=["sharpness"])
    night(storage, clock.now() + timedelta(hours=1))
    assert say() == "not due: 1 new label since model 1 (5 are enough), and no drift was found"
    night(storage, clock.now() + timedelta(hours=2), drifted=["sharpness"])
    assert say().startswith("due: 1 new label since model 1 (5 are enough), and pictures drifted in 2")


def test_a_training_that_failed_begins_a_cool_down_too(
    tmp_path: Path, root: Path, pictures: Any, say: Say, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrive(tmp_path, root, pictures, 6)
    assert "less than cool_down_hours 24" in say(cool_down_hours=24)
    monkeypatch.setenv(clock.OFFSET, str(25 * 3600))
    assert say(cool_down_hours=24).startswith("due")
    night(storage, clock.now() - timedelta(hours=2), flow="train", state="failed")
    assert "began 2.0 hours ago" in say(cool_down_hours=24)


def test_without_a_model_every_label_is_new(tmp_path: Path, root: Path, pictures: Any) -> None:
    fresh = tmp_path / "fresh"
    params = RetrainParams(storage=str(fresh), if_needed=True)
    with pytest.raises(StorageError, match=r"fresh: does not exist; run 'nightsort ingest FOLDER' first"):
        retrain(params)
    assert not fresh.exists()
    fresh.mkdir()
    assert (
        retrain(params).message == "not needed: 0 new labels and no model yet (100 are enough), and no drift was found"
    )
    assert list(fresh.iterdir()) == []
    arrive(tmp_path, fresh, pictures, 6)
    assert "6 new labels" in retrain(params).message


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch, trained: Any) -> list[Any]:
    """The parameters of the flows that a retraining started, all but an ingest stubbed."""
    begun: list[Any] = []

    def subflow(name: str, params: Any) -> Report:
        begun.append(params)
        return ingest(params) if name == "ingest" else trained.learned.model_copy(update={"flow": name})

    monkeypatch.setattr(module, "subflow", subflow)
    return begun


def test_the_rule_is_asked_after_the_ingest(tmp_path: Path, root: Path, pictures: Any, started: list[Any]) -> None:
    folder = pictures.labelled(tmp_path / "new", {"red": 4}, start=700)
    asked = {"source": str(folder), "storage": str(root), "if_needed": True, "cool_down_hours": 0}
    report = retrain(RetrainParams(**asked, min_new_labels=5))
    assert (report.state, report.flow) == ("skipped", "retrain")
    assert report.message.startswith("not needed: 4 new labels since model 1 (5 are enough)")
    assert [type(params) for params in started] == [IngestParams]
    report = retrain(RetrainParams(**asked, min_new_labels=4))
    assert (report.flow, report.message) == ("train", "needed: 4 new labels since model 1 (4 are enough)")
    assert [type(params) for params in started] == [IngestParams, IngestParams, TrainParams]


def test_new_labels_are_held_to_the_same_rules(tmp_path: Path, root: Path, pictures: Any, started: list[Any]) -> None:
    folder = pictures.labelled(tmp_path / "dark", {"red": 3}, start=800)
    asked = {"source": str(folder), "storage": str(root), "if_needed": True, "cool_down_hours": 0}
    report = retrain(RetrainParams(**asked, rules=["width > 0: quarantine"]))
    assert started[0].rules == ["width > 0: quarantine"]
    assert report.message.startswith("not needed: 0 new labels")


def test_without_if_needed_nobody_is_asked(root: Path, started: list[Any]) -> None:
    report = retrain(RetrainParams(storage=str(root), epochs=7, notify=["drift"]))
    assert report.message == ""
    assert started == [TrainParams(storage=str(root), epochs=7, notify=["drift"])]


@pytest.mark.parametrize("promoted", [True, False])
def test_an_archive_is_classified_again_by_a_new_champion_only(
    promoted: bool, root: Path, started: list[Any], trained: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    decision = Decision(promoted=promoted, reason="", challenger_macro_f1=0.5)
    monkeypatch.setattr(trained.learned.training, "decision", decision)
    report = retrain(RetrainParams(storage=str(root), rescore="/srv/archive", workers=3))
    again = [params for params in started if isinstance(params, ClassifyParams)]
    wanted = ClassifyParams(storage=str(root), source="/srv/archive", rescore=True, workers=3)
    assert again == ([wanted] if promoted else [])
    assert report.flow == "train" and ("/srv/archive" in report.message) is promoted


def test_a_command_without_need_ends_well_and_says_why(nightsort: Any, root: Path) -> None:
    for words in (("--if-needed",), ("--if-needed", "true")):
        said = nightsort("retrain", "--storage", root, *words, "--json")
        assert (said.code, said.data["state"]) == (0, "skipped")
        assert said.data["message"].startswith("not needed: 0 new labels since model 1 (100 are enough)")
    assert json.loads((root / "models" / "1" / "bundle.json").read_text())["version"] == 1
    assert not (root / "models" / "2").exists()
