"""The example of camera traps: events and places never straddle splits, and a dead camera is an alarm."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nightsort.dataset.versions import Dataset
from nightsort.scoring.ledger import Ledger

SMALL = {"image_size": 16, "epochs": 1, "batch_size": 32, "backends": ["torch-fp32"]}
CAMERAS, BURST, OF_A_CAMERA, OF_A_NIGHT = 12, 3, 4, 5


@pytest.fixture(scope="module")
def wood(play: Callable[..., Any]) -> Any:
    """The example with its first model."""
    wood = play("camera-traps", of_a_camera=OF_A_CAMERA, of_a_night=OF_A_NIGHT)
    wood.run("ingest")
    wood.learn(**SMALL)
    return wood


@pytest.fixture(scope="module")
def nights(wood: Any) -> list[Any]:
    """The reports of the first night, of the dead camera of the second, and of all the second night."""
    incoming = wood.folder / "pictures" / "incoming"
    sources = ("2026-03-02", "2026-03-03/CAM04", "2026-03-03")
    return [wood.run("nightly", sample=0, source=str(incoming / source)) for source in sources]


def test_an_event_is_in_one_split_and_so_is_a_place(wood: Any) -> None:
    rows = Dataset(wood.storage).examples(["path", "group", "split"]).to_pylist()
    assert len(rows) == CAMERAS * OF_A_CAMERA * BURST
    for name, count in (("event", CAMERAS * OF_A_CAMERA), ("place", CAMERAS)):
        splits: dict[str, set[str]] = {}
        for row in rows:
            key = row["group"] if name == "event" else Path(row["path"]).parent.name
            splits.setdefault(key, set()).add(row["split"])
        assert len(splits) == count and set(map(len, splits.values())) == {1}
        assert set().union(*splits.values()) == {"train", "validation", "test"}


def test_every_picture_of_a_night_has_its_outcome(wood: Any, nights: list[Any]) -> None:
    first, dead, second = (night.intake.tally for night in nights)
    whole, camera = CAMERAS * OF_A_NIGHT * BURST, OF_A_NIGHT * BURST
    assert first.balanced and dead.balanced and second.balanced
    assert (first.discovered, first.done) == (whole, whole)
    assert (dead.discovered, dead.done) == (camera, camera)
    assert (second.discovered, second.done, second.skipped) == (whole, whole - camera, camera)
    assert Ledger(wood.storage).count() == len(wood.made) == 2 * whole


def test_a_dead_camera_is_an_alarm(nights: list[Any]) -> None:
    found = [{finding.name: finding for finding in night.drift.findings}["brightness"] for night in nights[:2]]
    # With a reference of 24 events, days and nights may be unevenly spread: the first night need not be quiet.
    assert found[1].drifted and found[1].adjusted < found[0].adjusted, found


def test_a_clip_is_frames_at_the_declared_rate(wood: Any, nights: list[Any]) -> None:
    report = wood.run("clips", sample=0)
    assert (report.intake.tally.discovered, report.intake.tally.done) == (8, 8)  # of four seconds
    members = [row["member"] for row in Ledger(wood.storage).predictions("member").to_pylist() if row["member"]]
    assert sorted(members) == [f"t{number / 2:010.3f}s" for number in range(8)]
