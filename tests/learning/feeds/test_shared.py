"""What several processes learn from: splits as files."""

from pathlib import Path

import numpy as np

from nightsort.learning.feeds.pictures import Pictures
from nightsort.learning.feeds.shared import share
from nightsort.storage import Storage


def decoded(folder: Path, split: str, count: int) -> Pictures:
    """A split as loading leaves it: its pixels in a file, which may hold more than is left of it."""
    rng = np.random.default_rng(count)
    images = rng.integers(0, 256, (count + 2, 16, 16, 3), dtype=np.uint8)
    np.save(folder / f"{split}.npy", images)
    labels = np.arange(count, dtype=np.int64) % 2
    return Pictures(images[:count], labels, [f"{count:02x}{row:062x}" for row in range(count)])


def test_what_is_shared_comes_back_and_an_empty_split_too(tmp_path: Path, storage: Storage) -> None:
    given = {split: decoded(tmp_path, split, count) for split, count in (("train", 6), ("test", 4))}
    nothing = Pictures(np.empty((0, 16, 16, 3), np.uint8), np.empty(0, np.int64), [])
    shared = share(storage, tmp_path, ["a", "b"], given["train"], nothing, given["test"])
    for split, pictures in given.items():
        found = shared.split(split)
        assert np.array_equal(found.images, pictures.images) and found.ids == pictures.ids
        assert found.labels.tolist() == pictures.labels.tolist()
    assert len(shared.split("validation")) == 0
    assert shared.train.ids == given["train"].ids
