"""A training among several finds the checkpoints of the very same one, and of no other."""

from pathlib import Path

import numpy as np

from nightsort.learning.feeds.shared import share
from nightsort.learning.resumption import prepare
from nightsort.storage import Storage
from tests.learning.shapes import CLASSES, HELD_OUT, TRAIN, VALIDATION, params


def test_another_recipe_has_other_checkpoints(tmp_path: Path, storage: Storage) -> None:
    for split, pictures in (("train", TRAIN), ("validation", VALIDATION), ("test", HELD_OUT)):
        np.save(tmp_path / f"{split}.npy", pictures.images)
    shared = share(storage, tmp_path, CLASSES, TRAIN, VALIDATION, HELD_OUT)
    first, same, other = (prepare(shared, params(seed=seed)).checkpoints.key for seed in (1, 1, 2))
    assert first == same != other
