"""The stage that keeps what a closer look said: a row for each picture, with or without reference and challenger."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from nightsort.drift import reference
from nightsort.drift.look import Look
from nightsort.drift.reference import Reference
from nightsort.review.signals import Signals
from nightsort.schema import SIGNALS
from tasks.review import note_signals
from tasks.runs import Run

CARD: Any = SimpleNamespace(version=3)


def noted(run: Run, *looks: Look | None) -> list[dict[str, Any]]:
    with run.lease("predictions") as lease:
        for look in looks:
            note_signals(run, CARD, look, lease)
        batches = list(Signals(run.storage).batches())
    return pa.Table.from_batches(batches, SIGNALS).sort_by("sha256").to_pylist()


def test_strangeness_and_the_challenger_are_kept(run: Run) -> None:
    known = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
    run.storage.prepare()
    reference.save(run.storage, 3, Reference({}, np.ones(50, np.float32), {"crack": 50}, known))
    seen = np.stack([known[0], np.full(4, 99, np.float32)])
    rows = noted(run, Look(["aa", "bb"], seen, {}, 4, ["crack", "dent"], [0.9, 0.75]))
    assert [row["sha256"] for row in rows] == ["aa", "bb"]
    assert rows[0]["strangeness"] < 0.05 and rows[1]["strangeness"] == 1.0
    assert [(row["challenger_label"], row["challenger_confidence"]) for row in rows] == [
        ("crack", pytest.approx(0.9)),
        ("dent", 0.75),
    ]
    assert {(row["model_version"], row["challenger_version"], row["run_id"]) for row in rows} == {(3, 4, run.id)}
    assert "note_signals" in run.seconds


def test_nights_add_up_and_a_night_without_a_look_adds_nothing(run: Run) -> None:
    first, second = (Look([name], np.zeros((1, 4), np.float32)) for name in ("aa", "bb"))
    rows = noted(run, first, None, Look([], np.zeros((0, 4), np.float32)), second)
    assert [row["sha256"] for row in rows] == ["aa", "bb"]
    assert all(np.isnan(row["strangeness"]) and row["challenger_version"] is None for row in rows)
