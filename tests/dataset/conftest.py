"""Labelled pictures on disk, and the shards and versions made of them."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from nightsort.dataset.policy import Policy
from nightsort.dataset.shards import Order, Shard, build
from nightsort.dataset.versions import Dataset
from nightsort.sources.arrivals import decide
from nightsort.sources.listing import list_source
from nightsort.sources.reader import fingerprint
from nightsort.storage import Storage

MAX_BYTES = 1_000_000


class Intake:
    """What an ingest does with the library, without the flow around it."""

    def __init__(self, storage: Storage, policy: Policy) -> None:
        self.dataset = Dataset(storage)
        self.order = Order(self.dataset.folder, policy, "run", 10_000, MAX_BYTES)

    def decided(self, source: Path) -> pa.Table:
        """Every row of the source, undecided where it is new."""
        return decide(fingerprint(list_source(str(source)), MAX_BYTES), self.dataset.known())

    def new(self, source: Path) -> pa.Table:
        """What of the source is new, by the schema FINGERPRINTS."""
        rows = self.decided(source)
        return rows.filter(pa.array([outcome is None for outcome in rows["outcome"].to_pylist()], pa.bool_()))

    def shard(self, source: Path) -> Shard:
        """One shard of all that is new."""
        return build(self.new(source), self.order)

    def ingest(self, source: Path, run_id: str = "run") -> int:
        """A new version with all that is new."""
        shard = self.shard(source)
        assert shard.file
        return self.dataset.commit([shard.file], self.order.policy, run_id)


@pytest.fixture
def intake(storage: Storage) -> Callable[..., Intake]:
    """An intake into a storage root of its own, under a policy given by its fields."""
    return lambda **policy: Intake(storage, Policy(**{"store_side": 64, **policy}))


@pytest.fixture
def labelled(tmp_path: Path, picture: Callable[..., bytes]) -> Callable[..., Path]:
    """Writer of `count` pictures into each class folder; `first` makes them others than before."""

    def write(*labels: str, count: int = 4, first: int = 0) -> Path:
        source = tmp_path / "labelled"
        for place, label in enumerate(labels):
            (source / label).mkdir(parents=True, exist_ok=True)
            for i in range(first, first + count):
                (source / label / f"{i}.png").write_bytes(picture(1000 * place + i))
        return source

    return write
