"""Poisoned labels are never promoted, and the report names them; clean labels, corrections and new classes pass."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from flows.ingest import ingest
from flows.train import train
from nightsort.config.gate import GateParams
from nightsort.config.intake import IngestParams
from nightsort.config.training import TrainParams
from nightsort.dataset.versions import Dataset
from nightsort.reports import store
from nightsort.reports.data import Report
from nightsort.reports.suspected import SuspicionPart
from tasks.lesson import Lesson
from tasks.runs import Run
from tasks.suspicion import suspect_arrivals

COLOURS = ("red", "green", "blue")
Take = Callable[..., Report]


@pytest.fixture
def take_in(root: Path, tmp_path: Path, inline: None, pictures: Any) -> Take:
    """Ingests new pictures of each colour, of which those at `flipped` places have the label of the next colour."""

    def take(count: int, flipped: int = 0, start: int = 500, **others: int) -> Report:
        folder = tmp_path / f"arrived-{start}"
        for label, number in {**dict.fromkeys(COLOURS, count), **others}.items():
            for place in range(number):
                wrong = place < flipped and label in COLOURS
                given = COLOURS[(COLOURS.index(label) + 1) % 3] if wrong else label
                (folder / given).mkdir(parents=True, exist_ok=True)
                (folder / given / f"{label}-{place}.png").write_bytes(pictures.one(label, start + place))
        return ingest(IngestParams(source=str(folder), storage=str(root), settle_seconds=0))

    return take


def look(root: Path, **changes: Any) -> SuspicionPart | None:
    """What the stage says of a training on the newest version."""
    run = Run("train", GateParams(storage=str(root), **changes))
    version = Dataset(run.storage).resolve(None)
    lesson = Lesson(version, [], None, None, None, None)  # type: ignore[arg-type]
    return suspect_arrivals(run, GateParams(storage=str(root), **changes), lesson)


def test_nothing_arrived_or_nobody_to_ask(root: Path, tmp_path: Path, take_in: Take) -> None:
    assert look(root) is None
    take_in(2)
    part = look(root)
    assert part is not None and part.arrived == 6
    for move in (root / "models" / "champion").iterdir():
        move.unlink()
    assert look(root) is None


def test_clean_labels_and_a_new_class_pass(root: Path, take_in: Take) -> None:
    take_in(20, amber=40)
    part = look(root)
    assert part is not None and part.veto == ""
    assert (part.arrived, part.looked_at, part.contradicting, part.suspects) == (60, 60, 0, [])


def test_a_training_on_flipped_labels_is_refused_and_names_them(
    root: Path, take_in: Take, quick: dict[str, Any]
) -> None:
    arrived = take_in(60, flipped=8)
    assert arrived.intake is not None and arrived.intake.tally.done == 180
    report = train(TrainParams(storage=str(root), workers=1, **quick))
    assert report.training is not None and report.suspicion is not None
    assert not report.training.decision.promoted
    assert "look wrong" in report.suspicion.veto and "look wrong" in report.training.decision.reason
    named = {(Path(picture.path).name, picture.label, picture.runner_up) for picture in report.suspicion.suspects}
    wrong = [(colour, COLOURS[(place + 1) % 3]) for place, colour in enumerate(COLOURS)]
    assert named <= {(f"{seen}-{n}.png", given, seen) for seen, given in wrong for n in range(8)}
    assert 12 < len(named) == report.suspicion.contradicting
    page = Path(store.location(report)).read_text(encoding="utf-8")
    assert "too odd to trust" in page and all(name in page for name, _, _ in named)
    card = json.loads((root / "models" / "2" / "card.json").read_text(encoding="utf-8"))
    assert [decision["promoted"] for decision in card["decisions"]] == [False] and not card["champion"]
    assert "look wrong" in (root / "models" / "2" / "card.md").read_text(encoding="utf-8")
    trusted = look(root, max_suspect_labels=1.0)
    assert trusted is not None and trusted.contradicting == len(named) and trusted.veto == ""


def test_a_later_clean_drop_does_not_hide_a_poisoned_one(root: Path, take_in: Take) -> None:
    bad = take_in(10, flipped=4)
    take_in(100, start=1000)
    part = look(root)
    assert part is not None and part.arrived == 330
    assert bad.run_id in part.veto and part.wrong < 0.05


def test_one_picture_many_times(root: Path, tmp_path: Path, inline: None, pictures: Any) -> None:
    once = pictures.one("blue", 7000)
    decoded = cv2.imdecode(np.frombuffer(once, np.uint8), cv2.IMREAD_COLOR)
    folder = tmp_path / "arrived" / "red"
    folder.mkdir(parents=True)
    for place in range(12):
        (folder / f"same-{place}.png").write_bytes(once)
    for place in range(120):  # each differs from it in one pixel
        copy = decoded.copy()
        copy[place % 20, place // 20] ^= 1
        (folder / f"near-{place}.png").write_bytes(bytes(cv2.imencode(".png", copy)[1]))
    report = ingest(IngestParams(source=str(folder.parent), storage=str(root), settle_seconds=0))
    assert report.ingest is not None and report.ingest.most_copied is not None
    assert report.ingest.most_copied.note == "11 files with the same bytes" and report.ingest.most_copied.image
    assert "same-" in report.ingest.most_copied.path and "came most often" in Path(store.location(report)).read_text()
    part = look(root)
    assert part is not None and "121 of 121 new pictures of red are near-duplicates of a single one" in part.veto
    assert part.suspects[0].note == "came 121 times, nearly the same" and part.suspects[0].image
