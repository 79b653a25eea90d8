"""The stage that holds a night against the nights before it."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from nightsort.config.intake import ClassifyParams
from nightsort.drift.look import Look
from nightsort.learning.card import Card
from nightsort.quarantine import Quarantine, row
from nightsort.reports import digest
from nightsort.reports.account import Account
from nightsort.reports.data import ClassifyPart
from nightsort.reports.night import MAX_BAND, NightPart
from nightsort.reports.predicted import Predicted
from nightsort.reports.shown import ClassCount
from nightsort.schema import LISTING, PREDICTIONS, QUARANTINE
from nightsort.tally import Tally
from tasks.night import choose_shown, describe_night
from tasks.runs import Run

CARD = Card.model_construct(abstain_below=0.5, thresholds={}, classes=["bolt", "nut"], version=1)
PICTURES = 60


@pytest.fixture
def predicted(tmp_path: Path, picture: Callable[..., bytes]) -> Predicted:
    """Sixty pictures on disk, all bolts, their confidence from 0 to 1."""
    rows = []
    for i in range(PICTURES):
        file = tmp_path / f"{i}.png"
        file.write_bytes(picture(i))
        confidence = (i + 0.5) / PICTURES
        answer = {"label": "bolt", "runner_up": "nut", "confidence": confidence, "margin": confidence / 2}
        place = {"sha256": f"{(i * 37) % 101:03d}", "path": str(file), "member": "", "size": file.stat().st_size}
        rows.append(answer | place | {"abstained": confidence < 0.5})
    summary = Predicted()
    summary.add(pa.Table.from_pylist(rows, PREDICTIONS))
    return summary


def described(run: Run, predicted: Predicted, look: Look | None = None) -> NightPart:
    """What the stage makes of sixty bolts."""
    run.storage.prepare()
    account = Account("/srv", PICTURES + 1, LISTING.empty_table())
    account.add("done", PICTURES)
    account.add("quarantined", 1, "poor_quality")
    part = ClassifyPart(
        model_version=1, predicted=[ClassCount(label="bolt", total=PICTURES)], training_share={"bolt": 0.5, "nut": 0.5},
        abstained=PICTURES // 2, abstain_below=0.5, least_certain=[],
    )  # fmt: skip
    return describe_night(run, ClassifyParams(source="/srv"), CARD, predicted, part, look, account)


def earlier(run: Run, day: int, predicted: dict[str, int], **changes: object) -> None:
    """Leave the digest of a night of an earlier year."""
    moment, done = datetime(2001, 1, day, tzinfo=UTC), sum(predicted.values())
    facts = {"run_id": f"200101{day:02d}T000000000Z-classify-1a2b", "flow": "classify", "state": "completed"}
    facts |= {"started": moment, "finished": moment, "title": "", "verdict": "", "tone": "good", "model_version": 1}
    facts |= {"tally": Tally(discovered=done, done=done), "predicted": predicted}
    run.storage.prepare()
    digest.write(run.storage, digest.Digest.model_validate(facts | changes))


def test_the_first_night_is_held_against_nothing(run: Run, predicted: Predicted) -> None:
    night = described(run, predicted)
    assert (night.previous, night.nights, night.changes, night.appeared, night.vanished) == ("", 0, [], [], [])
    assert {row.label: row.count for row in night.trends} == {"bolt": PICTURES, "nut": 0}


def test_a_night_is_held_against_those_on_which_something_came(run: Run, predicted: Predicted) -> None:
    for day in range(1, 7):
        earlier(run, day, {"bolt": 30, "nut": 30})
    earlier(run, 7, {})
    earlier(run, 8, {"bolt": 500}, state="failed")
    night = described(run, predicted)
    assert night.previous.startswith("20010106") and night.nights == 6
    assert night.vanished == ["nut"] and any("abstained" in line for line in night.changes)
    assert {row.label: row.shares for row in night.trends}["nut"] == [0.5] * 6 + [0.0]


def test_an_unreadable_night_is_told_of(run: Run, predicted: Predicted) -> None:
    run.storage.prepare()
    for name in ("digest.json", "report.json"):
        run.storage.write_bytes(f"reports/20010101T000000000Z-classify-1a2b/{name}", b"{")
    (note,) = described(run, predicted).notes
    assert "20010101" in note


def test_the_pictures_shown_are_those_that_were_chosen_with_their_maps(run: Run, predicted: Predicted) -> None:
    shown = choose_shown(predicted, CARD)
    assert len(shown) == len(set(shown)) > 2 * MAX_BAND
    look = Look(sha256s=[], embeddings=np.empty((0, 1), np.float32), activations={shown[0]: "data:map"}, notes=["why"])
    night = described(run, predicted, look)
    assert {band.name: band.total for band in night.bands} == {"confident": 21, "almost": 9, "abstained": 30}
    pictures = [seen for band in night.bands for seen in band.pictures]
    assert [seen.activation for seen in pictures] == ["data:map", *[""] * (len(shown) - 1)]
    assert all(seen.picture.image.startswith("data:image/jpeg") for seen in pictures)
    assert night.notes == ["why"]


def test_what_was_set_aside_is_shown(run: Run, predicted: Predicted, picture: Callable[..., bytes]) -> None:
    run.storage.prepare()
    item = {"path": "/srv/dark.png", "member": "", "size": 1, "stamp": "", "label": None}
    aside = row(item, "poor_quality", "too dark", flow="classify", run_id=run.id, content=picture(1))
    Quarantine(run.storage).append(pa.Table.from_pylist([aside], QUARANTINE))
    night = described(run, predicted)
    assert [(reason, [each.note for each in shown]) for reason, shown in night.aside.items()] == [
        ("poor_quality", ["too dark"])
    ]


def test_a_night_without_pictures_has_no_bands(run: Run) -> None:
    assert described(run, Predicted()).bands == [] and choose_shown(Predicted(), CARD) == []
