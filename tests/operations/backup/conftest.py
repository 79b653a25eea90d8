"""A storage root that grows as runs make it grow: what is named is there before what names it."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from nightsort.storage import Storage
from nightsort.tables import Table

NAMED, NAMING = pa.schema([("sha256", pa.string())]), pa.schema([("sha256", pa.string()), ("label", pa.string())])


class Growing:
    """Two tables of which the second names what is in the first, and models of which the newest is the champion."""

    def __init__(self, storage: Storage) -> None:
        self.storage = storage
        self.images = Table(storage, "dataset/images", NAMED)
        self.examples = Table(storage, "dataset/examples", NAMING)

    def grow(self, number: int) -> None:
        """One more of everything."""
        self.images.append(pa.table({"sha256": [str(number)]}), "run")
        self.examples.append(pa.table({"sha256": [str(number)], "label": ["red"]}), "run")
        self.storage.write_bytes(f"models/{number}/weights.safetensors", b"%d weights" % number)
        self.storage.write_bytes(f"models/{number}/bundle.json", b"card %d" % number)
        self.storage.create_bytes(f"models/champion/{number}.json", b"move %d" % number)


@pytest.fixture
def growing() -> type[Growing]:
    return Growing


@pytest.fixture
def root(storage: Storage) -> Storage:
    """It has grown twice, and somebody was at work."""
    made = Growing(storage)
    for number in (1, 2):
        made.grow(number)
    storage.write_bytes("reports/run/report.json", b"{}")
    storage.write_bytes("reports/index.html", b"a page")
    storage.write_bytes("leases/dataset/7.json", b"a note")
    storage.write_bytes("checkpoints/key/state.safetensors", b"half a training")
    storage.write_bytes("models/3/weights.safetensors", b"not published")
    return storage


@pytest.fixture
def target(tmp_path: Path) -> Storage:
    return Storage(str(tmp_path / "backups"))


@pytest.fixture
def silent() -> Callable[[int, int], None]:
    return lambda done, total: None
