"""Several processes train together as one would alone."""

import pickle
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from nightsort.balance.plan import make_plan
from nightsort.errors import ConfigError, TrainingError
from nightsort.learning.classifier import Classifier
from nightsort.learning.feeds.pictures import Pictures
from nightsort.learning.training import launch
from nightsort.learning.training.launch import train_network
from nightsort.learning.training.loop import Task
from tests.learning.shapes import CLASSES, TRAIN, VALIDATION, params


def without_batch_normalisation() -> Classifier:
    """A network whose gradient is the mean of those of its pictures."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        body = nn.Sequential(nn.Conv2d(3, 8, 3, 2), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten())
        return Classifier(body, nn.Linear(32, 3))


def task(train: Pictures, **changes: object) -> Task:
    """A training of that network; 96 pictures make 6 batches of 16."""
    # Adam divides by the size of a gradient, and so would make much of the last digit of a small one.
    recipe = params(epochs=2, balance="oversampling", checkpoint_seconds=1e-9, optimizer="sgd", **changes)
    plan = make_plan("oversampling", train.labels, CLASSES)
    return Task(without_batch_normalisation(), train, VALIDATION, plan, recipe)


def test_two_processes_end_with_the_weights_of_one(tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", TRAIN.images[6:])
    images = np.load(tmp_path / "images.npy", mmap_mode="r")
    train = Pictures(images, TRAIN.labels[6:], TRAIN.ids[6:])
    alone, together, steps = task(train, accumulate=2), task(train, processes=2), []
    history, _ = train_network(alone, None, lambda epoch: None, lambda *step: None)
    others, _ = train_network(together, None, lambda epoch: None, lambda *step: steps.append(step))
    begun, weights = without_batch_normalisation().state_dict(), together.model.state_dict()
    for name, expected in alone.model.state_dict().items():
        torch.testing.assert_close(weights[name], expected, rtol=1e-4, atol=1e-5)
    assert not torch.equal(weights["head.weight"], begun["head.weight"])
    assert steps == [(done, 12) for done in range(1, 13)]
    assert [e.train_loss for e in others] == pytest.approx([e.train_loss for e in history], rel=1e-4)


def test_a_memory_map_goes_to_another_process_by_name(tmp_path: Path) -> None:
    images = np.lib.format.open_memmap(tmp_path / "x.npy", "w+", np.uint8, (500, 16, 16, 3))
    images[:] = np.random.default_rng(0).integers(0, 255, images.shape, dtype=np.uint8)
    sent = [bytes(ForkingPickler.dumps(part)) for part in (images, images[100:300][7:], images[::2], images[[3, 1]])]
    assert len(sent[0]) < 1000 and len(sent[1]) < 1000
    received = [pickle.loads(part) for part in sent]
    for part, expected in zip(received, (images, images[107:300], images[::2], images[[3, 1]]), strict=True):
        assert np.array_equal(part, expected)


def test_a_worker_process_may_not_start_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch.mp, "current_process", lambda: SimpleNamespace(daemon=True))
    with pytest.raises(ConfigError, match="processes: 2 cannot be started from inside a worker process"):
        train_network(task(TRAIN, processes=2), None, lambda epoch: None, lambda *step: None)


def test_a_process_that_is_in_a_training_may_not_begin_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch.dist, "is_initialized", lambda: True)
    with pytest.raises(ConfigError, match="processes: 2 cannot be started while this process takes part in another"):
        train_network(task(TRAIN, processes=2), None, lambda epoch: None, lambda *step: None)


@pytest.mark.parametrize(
    ("theirs", "noticed", "told"),
    [
        (RuntimeError("\n-- Process 0 terminated:\nTraceback\nMemoryError: no room\n\n"), "", "MemoryError: no room"),
        (None, "connection closed by peer", "connection closed by peer"),
        (None, "", "RuntimeError"),
    ],
)
def test_why_a_process_ended_is_one_line(theirs: Exception | None, noticed: str, told: str) -> None:
    class Others:
        """Processes of which one may say why it ended."""

        def join(self, timeout: float) -> None:
            if theirs:
                raise theirs

    assert launch._cause(Others(), RuntimeError(noticed)) == told


def test_who_leads_fails_by_the_end_of_another_and_ends_all(monkeypatch: pytest.MonkeyPatch) -> None:
    class Others:
        """A company whose second process died of something."""

        killed = 0
        processes = (SimpleNamespace(kill=lambda: setattr(Others, "killed", 1)),)

        def join(self, timeout: float | None = None) -> None:
            raise launch.ProcessExitedException("process 0 terminated with exit code 3", 0, 1, 3)

    monkeypatch.setattr(launch, "spawn", lambda *_, **__: Others())
    monkeypatch.setattr(launch, "_meet", lambda *_: None)
    threads = torch.get_num_threads()
    for raised, expected in (
        (None, TrainingError),
        (RuntimeError("closed"), TrainingError),
        (ConfigError("no"), ConfigError),
    ):
        with pytest.raises(expected) as caught, launch._company(task(TRAIN), None, 2):
            torch.set_num_threads(1)
            if raised:
                raise raised
        assert expected is ConfigError or str(caught.value) == (
            "a process of this training ended: process 0 terminated with exit code 3"
        )
        assert Others.killed and torch.get_num_threads() == threads
        Others.killed = 0
