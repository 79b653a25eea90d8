"""A dataset in several shards, of pictures too small to cost time."""

import cv2
import numpy as np
import pyarrow as pa
import pytest

from nightsort.datafiles import write_file
from nightsort.dataset.policy import Policy
from nightsort.dataset.versions import Dataset
from nightsort.schema import EXAMPLES, IMAGES
from nightsort.storage import Storage

COUNT, SHARDS, CLASSES = 96, 8, ["crack", "dent"]


@pytest.fixture
def dataset(storage: Storage) -> Dataset:
    """A dataset of one version in several shards, the last picture of each in the validation split."""
    found, rng = Dataset(storage), np.random.default_rng(0)
    files, rows = [], []
    for _ in range(SHARDS):
        names = [f"{rng.integers(2**62):064x}" for _ in range(COUNT // SHARDS)]
        pixels = rng.integers(0, 256, (len(names), 16, 16, 3), dtype=np.uint8)
        images = [bytes(cv2.imencode(".png", each)[1]) for each in pixels]
        table = pa.table([pa.array(names), pa.array(images, pa.large_binary())], schema=IMAGES)
        files.append(write_file(found.folder, table, "run"))
        rows += [
            {"sha256": name, "label": CLASSES[i % 2], "split": "train" if i + 1 < len(names) else "validation"}
            for i, name in enumerate(names)
        ]
    found.commit(files, pa.Table.from_pylist(rows, schema=EXAMPLES), Policy(store_side=16), "run")
    return found
