"""What of the machine is used, and what it says when it lacks something."""

import sys

import pytest
import torch

from nightsort.errors import ConfigError
from nightsort.learning.checkpoint import Checkpoints
from nightsort.learning.history import Epoch
from nightsort.learning.training import hardware
from nightsort.learning.training.board import logging_to
from nightsort.storage import Storage
from nightsort.words import Precision
from tests.learning.shapes import params

EPOCH = Epoch(
    epoch=1, train_loss=0.5, validation_loss=0.4, validation_accuracy=0.9, validation_macro_f1=0.8,
    learning_rate=0.01, seconds=1.0, rate=100.0,
)  # fmt: skip


@pytest.mark.parametrize(
    ("precision", "bf16"),
    [("auto", False), ("fp32", False), ("bf16", True)],
)
def test_a_processor_computes_in_bf16_only_where_it_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, precision: Precision, bf16: bool
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    chosen = hardware.choose(precision)
    assert (chosen.device.type, chosen.bf16) == ("cpu", bf16)
    with chosen.autocast():
        product = torch.ones(2, 2) @ torch.ones(2, 2)
    assert product.dtype == (torch.bfloat16 if bf16 else torch.float32)


def test_each_process_needs_a_gpu_where_there_are_any(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert hardware.choose("fp32", 1, 2).device == torch.device("cuda", 1)
    with pytest.raises(ConfigError, match="processes: 3 asked for, but this machine has GPUs for 2"):
        hardware.choose("fp32", 0, 3)


def test_compiling_without_a_compiler_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(ConfigError, match="compile: needs a C\\+\\+ compiler, found none of no-such-compiler"):
        hardware.compiled(torch.nn.Identity())


def test_each_epoch_is_logged_and_told(storage: Storage) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    told: list[Epoch] = []
    with logging_to(params(tensorboard=True), Checkpoints(storage, "key"), told.append) as log:
        log(EPOCH)
    events = EventAccumulator(storage.locate("tensorboard/key")).Reload()
    assert [(e.step, e.value) for e in events.Scalars("train_loss")] == [(1, 0.5)]
    assert set(events.Tags()["scalars"]) == set(EPOCH.model_dump()) - {"epoch"}
    assert told == [EPOCH]


def test_a_log_that_cannot_be_kept_is_refused(monkeypatch: pytest.MonkeyPatch, storage: Storage) -> None:
    recipe = params(tensorboard=True)
    remote = Checkpoints(Storage("memory://somewhere"), "key")
    with pytest.raises(ConfigError, match="tensorboard: its log needs a storage root that is a folder"):
        logging_to(recipe, remote, lambda epoch: None).__enter__()
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(ConfigError, match=r"pip install 'nightsort\[tensorboard\]'"):
        logging_to(recipe, Checkpoints(storage, "key"), lambda epoch: None).__enter__()
