"""The state of an unfinished training on disk: whole, its own, or none."""

import os
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from nightsort.learning import checkpoint
from nightsort.learning.checkpoint import Checkpoints, State
from nightsort.learning.feeds.pictures import Pictures
from nightsort.storage import Storage
from tests.learning.shapes import CLASSES, TRAIN, VALIDATION, params

STATE = State(
    {"model.weight": torch.arange(6.0).reshape(2, 3), "model.steps": torch.tensor(7)},
    {"epoch": 2, "notes": ["one"], "loss": 0.1 + 0.2},
)


def file_of(checkpoints: Checkpoints) -> Path:
    """Where it lies."""
    return Path(checkpoints.storage.locate(f"checkpoints/{checkpoints.key}/state.safetensors"))


def test_what_was_saved_is_loaded_until_it_is_cleared(storage: Storage) -> None:
    checkpoints = Checkpoints(storage, "key")
    assert checkpoints.load() == (None, [])
    checkpoints.save(STATE)
    state, notes = checkpoints.load()
    assert state is not None and notes == []
    assert state.rest == STATE.rest
    assert state.tensors.keys() == STATE.tensors.keys()
    assert all(torch.equal(state.tensors[name], tensor) for name, tensor in STATE.tensors.items())
    assert Checkpoints(storage, "other").load() == (None, [])
    checkpoints.clear()
    checkpoints.clear()
    assert checkpoints.load() == (None, []) and not file_of(checkpoints).exists()


@pytest.mark.parametrize("damage", ["empty", "cut", "flipped", "header", "text"])
def test_a_damaged_one_is_ignored_with_a_note(storage: Storage, damage: str) -> None:
    checkpoints = Checkpoints(storage, "key")
    checkpoints.save(STATE)
    file = file_of(checkpoints)
    whole = file.read_bytes()
    flipped = whole[:-1] + bytes([whole[-1] ^ 1])
    header = whole.replace(b'\\"epoch\\": 2', b'\\"epoch\\": 3')
    assert header != whole
    cut = whole[: len(whole) // 2]
    file.write_bytes({"empty": b"", "cut": cut, "flipped": flipped, "header": header, "text": b"{}" * 50}[damage])
    state, notes = checkpoints.load()
    assert state is None
    assert len(notes) == 1 and notes[0].startswith(f"{file}: damaged (") and "began anew" in notes[0]


def test_another_recipe_or_other_data_are_another_key() -> None:
    relabelled = Pictures(TRAIN.images, np.roll(TRAIN.labels, 1), TRAIN.ids)
    fewer = TRAIN.take(np.arange(100))
    keys = [
        Checkpoints.key_of(params(), CLASSES, TRAIN, VALIDATION),
        Checkpoints.key_of(params(seed=1), CLASSES, TRAIN, VALIDATION),
        Checkpoints.key_of(params(mixup=0.1), CLASSES, TRAIN, VALIDATION),
        Checkpoints.key_of(params(), CLASSES[::-1], TRAIN, VALIDATION),
        Checkpoints.key_of(params(), CLASSES, relabelled, VALIDATION),
        Checkpoints.key_of(params(), CLASSES, fewer, VALIDATION),
        Checkpoints.key_of(params(), CLASSES, TRAIN, TRAIN),
        Checkpoints.key_of(params(), CLASSES, TRAIN, VALIDATION, "ab"),
    ]
    assert len(set(keys)) == len(keys)


def test_knobs_that_change_no_weight_are_the_same_key() -> None:
    other = params(storage="elsewhere", workers=3, checkpoint_seconds=5, promote=False, tensorboard=True)
    assert Checkpoints.key_of(other, CLASSES, TRAIN, VALIDATION) == Checkpoints.key_of(
        params(), CLASSES, TRAIN, VALIDATION
    )


def test_what_nobody_went_on_with_is_removed_with_the_next_that_is_done(storage: Storage) -> None:
    done, fresh, abandoned = (Checkpoints(storage, key) for key in ("done", "fresh", "abandoned"))
    for one in (done, fresh, abandoned):
        one.save(State({"weight": torch.zeros(2)}, {"epoch": 1}))
    long_ago = time.time() - checkpoint.ABANDONED.total_seconds() - 60
    os.utime(storage.locate("checkpoints/abandoned/state.safetensors"), (long_ago, long_ago))
    done.clear()
    assert storage.names("checkpoints") == ["fresh"]
    assert fresh.load()[0] is not None
