"""Drift through the flows: a training keeps a reference, a night is held against it, and nothing of it ends a run."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow.compute as pc
import pytest

from flows.classify import classify
from nightsort.config.intake import ClassifyParams
from nightsort.dataset.versions import Dataset
from nightsort.drift import reference
from nightsort.reports.render import to_html
from nightsort.schema import MEASURES
from nightsort.scoring.ledger import Ledger
from nightsort.storage import Storage
from tasks.compute import Workers

pytestmark = pytest.mark.usefixtures("inline", "here")
Params = Callable[..., ClassifyParams]


@pytest.fixture
def here(inline_workers: type[Workers], monkeypatch: pytest.MonkeyPatch) -> None:
    """The closer look in this process, which has torch."""

    class Here(inline_workers):  # type: ignore[valid-type, misc]
        def call(self, function: Callable[..., Any], *args: Any) -> Any:
            return function(*args)

    monkeypatch.setattr("tasks.closer_look.Workers", Here)


@pytest.fixture
def night(tmp_path: Path, pictures: Any) -> Callable[..., Path]:
    """A folder of 30 new pictures as they should be, or of one colour, or darkened."""

    def make(label: str = "", light: float = 1) -> Path:
        folder = tmp_path / "night"
        folder.mkdir()
        for seed in range(30):
            data = pictures.one(label or ("red", "green", "blue")[seed % 3], 5000 + seed)
            pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
            cv2.imwrite(str(folder / f"{seed}.png"), pixels * light)
        return folder

    return make


def test_a_training_keeps_what_it_did_not_learn_from(root: Path) -> None:
    kept = reference.load(Storage(str(root)), 1)
    rows = Dataset(Storage(str(root))).examples(["sha256", "split", *MEASURES.names], pc.field("split") != "train")
    held_out = rows.sort_by("sha256")
    assert kept is not None and len(kept) == held_out.num_rows > 10
    assert sum(kept.predicted.values()) == len(kept) == len(kept.embeddings)
    for name in MEASURES.names:
        assert sorted(kept.measures[name]) == sorted(held_out[name].to_numpy().astype(np.float32))


def test_a_night_like_the_training_raises_no_alarm(night: Callable[..., Path], classify_params: Params) -> None:
    report = classify(classify_params(night(), sample=25))
    assert report.drift is not None and report.drift.alarms == [] and report.drift.notes == []
    pictures = {finding.family: finding.pictures for finding in report.drift.findings}
    assert pictures == {"quality": 30, "mix": 30, "confidence": 30, "embedding": 25}


def test_a_dark_night_is_an_alarm_and_no_failure(night: Callable[..., Path], classify_params: Params) -> None:
    report = classify(classify_params(night(light=0.5), sample=30))
    assert report.drift is not None and report.state == "completed"
    assert {"quality", "embedding"} <= {finding.family for finding in report.drift.alarms}
    assert "brightness" in {finding.name for finding in report.drift.alarms}


def test_one_class_alone_is_another_mix(night: Callable[..., Path], classify_params: Params) -> None:
    report = classify(classify_params(night("red"), sample=0))
    assert report.drift is not None
    assert "mix" in {finding.family for finding in report.drift.alarms}
    assert report.drift.notes == ["embeddings: not tested, no picture was looked at more closely"]


def test_measures_are_the_same_at_ingest_and_at_night(
    trained: Any, root: Path, tmp_path: Path, classify_params: Params
) -> None:
    """The very files that were learned from."""
    files = sorted(trained.labelled.rglob("*.png"))[:12]
    (tmp_path / "again").mkdir()
    for number, file in enumerate(files):
        shutil.copy(file, tmp_path / "again" / f"{number}.png")
    classify(classify_params(tmp_path / "again", sample=0))
    said = Ledger(Storage(str(root))).predictions("sha256", *MEASURES.names).to_pylist()
    known = Dataset(Storage(str(root))).examples(["sha256", *MEASURES.names]).to_pylist()
    assert len(said) == 12
    assert all(row in known for row in said)


@pytest.mark.parametrize(
    ("spoil", "note"),
    [
        (lambda file: file.unlink(), "was published before references were kept; train again"),
        (lambda file: file.write_bytes(b"x" * 100), r"reference.safetensors is damaged"),
    ],
)
def test_without_a_reference_a_note_says_what_to_do(
    night: Callable[..., Path], root: Path, classify_params: Params, spoil: Callable[[Path], None], note: str
) -> None:
    spoil(root / "models" / "1" / "reference.safetensors")
    report = classify(classify_params(night(), sample=5))
    assert report.state == "completed" and report.drift is not None
    assert report.drift.findings == [] and note in report.drift.notes[0]


def test_a_look_that_fails_is_a_note(
    night: Callable[..., Path], classify_params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any) -> None:
        raise MemoryError("no room")

    monkeypatch.setattr("tasks.closer_look.look", fail)
    report = classify(classify_params(night(), sample=5))
    assert report.state == "completed" and report.drift is not None and report.night is not None
    assert "'look closer' finds, which failed: MemoryError: no room" in report.message
    assert "embedding" not in {finding.family for finding in report.drift.findings}


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("tasks.drift.detect", "find drift"),
        ("tasks.review.rows_of", "note signals"),
        ("tasks.night.aside.pictures", "describe night"),
    ],
)
def test_what_fails_once_all_is_classified_is_a_remark(
    night: Callable[..., Path],
    root: Path,
    classify_params: Params,
    monkeypatch: pytest.MonkeyPatch,
    place: str,
    name: str,
) -> None:
    def fail(*args: Any) -> None:
        raise ValueError("a bug")

    monkeypatch.setattr(place, fail)
    report = classify(classify_params(night(), sample=5))
    assert report.state == "completed" and report.classify is not None
    assert f"'{name}' finds, which failed: ValueError: a bug" in report.message
    assert Ledger(Storage(str(root))).count() == 30


def test_nothing_new_is_nothing_to_test(night: Callable[..., Path], classify_params: Params) -> None:
    folder = night()
    assert classify(classify_params(folder)).drift is not None
    again = classify(classify_params(folder))
    assert again.drift is None and again.night is not None and again.night.changes == []
    assert to_html(again).count("every picture had its outcome before") == 2
