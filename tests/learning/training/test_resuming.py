"""A training that was stopped, however it was, goes on to the very same weights."""

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from nightsort.learning.checkpoint import Checkpoints
from nightsort.learning.fit import Fitted, fit
from nightsort.learning.training import loop
from nightsort.storage import Storage
from tests.learning.shapes import CLASSES, TRAIN, VALIDATION, params

REPOSITORY = Path(__file__).resolve().parents[3]


class Stopped(Exception):
    """Stands for a crash."""


@pytest.fixture(autouse=True)
def always_saving(monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint after each step, whatever it costs."""
    monkeypatch.setattr(loop, "OVERHEAD", float("inf"))


def stopped_after(steps: int, storage: Storage, **changes: Any) -> tuple[Fitted, Fitted, list[int]]:
    """The same training undisturbed, and stopped and gone on with; and the steps of the rest."""
    recipe = params(epochs=3, checkpoint_seconds=1e-9, **changes)
    whole = fit(TRAIN, VALIDATION, CLASSES, recipe)
    checkpoints = Checkpoints(storage, "key")

    def stop(done: int, total: int) -> None:
        if done == steps:
            raise Stopped

    with pytest.raises(Stopped):
        fit(TRAIN, VALIDATION, CLASSES, recipe, checkpoints=checkpoints, on_step=stop)
    rest: list[int] = []
    resumed = fit(
        TRAIN, VALIDATION, CLASSES, recipe, checkpoints=checkpoints, on_step=lambda done, total: rest.append(done)
    )
    return whole, resumed, rest


def equal(one: Fitted, other: Fitted) -> bool:
    """Whether weights and history are the same, bit for bit."""
    weights, others = one.model.state_dict(), other.model.state_dict()
    timeless = [[e.model_dump(exclude={"seconds", "rate"}) for e in fitted.history] for fitted in (one, other)]
    return timeless[0] == timeless[1] and all(torch.equal(weights[name], others[name]) for name in weights)


@pytest.mark.parametrize(
    "changes",
    [
        {"ema": 0.9, "precision": "auto"},
        {"optimizer": "sgd", "balance": "deferred_sampling", "frozen_epochs": 1, "accumulate": 2, "cutmix": 1.0},
    ],
)
def test_in_the_middle_of_an_epoch(storage: Storage, changes: dict[str, Any]) -> None:
    whole, resumed, rest = stopped_after(10, storage, **changes)
    assert equal(whole, resumed)
    assert rest == list(range(11, 22))
    assert "went on with a training that had come to epoch 2, step 3" in resumed.notes


def test_a_training_that_is_done_is_not_done_again(storage: Storage) -> None:
    whole, resumed, _ = stopped_after(10, storage)
    checkpoints, steps = Checkpoints(storage, "key"), []
    recipe = params(epochs=3, checkpoint_seconds=1e-9)
    again = fit(TRAIN, VALIDATION, CLASSES, recipe, checkpoints=checkpoints, on_step=lambda *step: steps.append(step))
    assert equal(whole, again) and equal(whole, resumed) and not steps
    checkpoints.clear()
    assert storage.names("checkpoints") == []


def test_a_state_of_another_network_is_not_used(storage: Storage) -> None:
    checkpoints = Checkpoints(storage, "key")
    fit(TRAIN, VALIDATION, CLASSES, params(epochs=1), checkpoints=checkpoints)
    other = params(epochs=1, model="resnet32")
    result = fit(TRAIN, VALIDATION, CLASSES, other, checkpoints=checkpoints)
    assert "checkpoint key: not used (its weights are of another network)" in result.notes
    assert len(result.history) == 1


def test_after_kill_9(storage: Storage) -> None:
    code = f"""
import os, signal, sys, torch
sys.path[:0] = [{str(REPOSITORY)!r}, {str(REPOSITORY / "src")!r}]
from nightsort.learning.checkpoint import Checkpoints
from nightsort.learning.fit import fit
from nightsort.learning.training import loop
from nightsort.storage import Storage
from tests.learning.shapes import CLASSES, TRAIN, VALIDATION, params
loop.OVERHEAD = float("inf")
torch.set_num_threads({torch.get_num_threads()})
def kill(done, total):
    if done == 10:
        os.kill(os.getpid(), signal.SIGKILL)
recipe = params(epochs=2, checkpoint_seconds=1e-9)
fit(TRAIN, VALIDATION, CLASSES, recipe, checkpoints=Checkpoints(Storage({storage.root!r}), "key"), on_step=kill)
"""
    assert subprocess.run([sys.executable, "-c", code]).returncode == -signal.SIGKILL
    recipe, steps = params(epochs=2, checkpoint_seconds=1e-9), []
    resumed = fit(
        TRAIN, VALIDATION, CLASSES, recipe, checkpoints=Checkpoints(storage, "key"),
        on_step=lambda done, total: steps.append(done),
    )  # fmt: skip
    assert equal(fit(TRAIN, VALIDATION, CLASSES, recipe), resumed)
    assert steps == [11, 12, 13, 14]
