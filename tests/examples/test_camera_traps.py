"""The example of camera traps: events and places never straddle splits, and a dead camera is an alarm."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nightsort.dataset.versions import Dataset
from nightsort.scoring.ledger import Ledger

SMALL = {"image_size": 16, "epochs": 1, "batch_size": 32, "backends": ["torch-fp32"]}
CAMERAS, BURST = 12, 3


@pytest.fixture(scope="module")
def wood(play: Callable[..., Any]) -> Any:
    """The example with its first model."""
    wood = play("camera-traps", of_a_camera=5, of_a_night=2)
    wood.run("ingest")
    wood.run("train", **SMALL)
    return wood


@pytest.fixture(scope="module")
def nights(wood: Any) -> list[Any]:
    """The reports of both nights."""
    incoming = wood.folder / "pictures" / "incoming"
    return [wood.run("nightly", sample=0, source=str(night)) for night in sorted(incoming.iterdir())]


def test_an_event_is_in_one_split_and_so_is_a_place(wood: Any) -> None:
    rows = Dataset(wood.storage).examples(["path", "group", "split"]).to_pylist()
    assert len(rows) == CAMERAS * 5 * BURST
    for key in ("group", "camera"):
        splits: dict[str, set[str]] = {}
        for row in rows:
            splits.setdefault(row["group"] if key == "group" else Path(row["path"]).parent.name, set()).add(row["split"])
        assert len(splits) == (CAMERAS * 5 if key == "group" else CAMERAS)
        assert set(map(len, splits.values())) == {1} and len(set().union(*splits.values())) == 3


def test_every_picture_of_a_night_has_its_outcome(wood: Any, nights: list[Any]) -> None:
    for night in nights:
        tally = night.intake.tally
        assert tally.balanced and tally.discovered == tally.done == CAMERAS * 2 * BURST
    assert Ledger(wood.storage).count() == len(wood.made) == 2 * CAMERAS * 2 * BURST


def test_dead_cameras_are_an_alarm(nights: list[Any]) -> None:
    alarms = [{finding.name for finding in night.drift.findings if finding.drifted} for night in nights]
    assert "brightness" not in alarms[0]
    assert "brightness" in alarms[1]


def test_a_clip_is_frames_at_the_declared_rate(wood: Any, nights: list[Any]) -> None:
    report = wood.run("clips", sample=0)
    assert (report.intake.tally.discovered, report.intake.tally.done) == (8, 8)  # of four seconds
    members = [row["member"] for row in Ledger(wood.storage).predictions("member").to_pylist() if row["member"]]
    assert sorted(members) == [f"t{number / 2:010.3f}s" for number in range(8)]
