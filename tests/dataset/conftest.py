"""Labelled pictures on disk, and the shards and versions made of them."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from nightsort.dataset.admission import PRESENT, admit
from nightsort.dataset.policy import Policy
from nightsort.dataset.shards import Order, Shard, build
from nightsort.dataset.versions import Dataset
from nightsort.quarantine import Quarantine, for_its_bytes
from nightsort.schema import LISTING
from nightsort.sources.arrivals import gone, leave_unchanged
from nightsort.sources.contents import write_contents
from nightsort.sources.files import Access
from nightsort.sources.listing import list_source
from nightsort.storage import Storage


class Intake:
    """What an ingest does with the library, without the flow around it."""

    def __init__(self, storage: Storage, policy: Policy, scratch: Path) -> None:
        self.dataset = Dataset(storage)
        self.aside = Quarantine(storage)
        self._scratch = scratch
        access = Access(scratch=str(scratch), max_bytes=1_000_000)
        self.order = Order(self.dataset.folder, self.aside.folder, policy, "run", access, 10_000)

    def listed(self, source: Path) -> pa.Table:
        """Every row of the source; what is unchanged is decided."""
        batches = list(list_source(str(source), self.order.access))
        return leave_unchanged(pa.Table.from_batches(batches, LISTING), self.dataset.known())

    def new(self, source: Path) -> pa.Table:
        """What of the source is to be looked at, by the schema LISTING."""
        rows = self.listed(source)
        return rows.filter(pc.is_null(rows["outcome"]))

    def shard(self, source: Path) -> Shard:
        """One shard of all that is to be looked at."""
        known = write_contents(self.dataset.examples(["sha256"])["sha256"].chunks, self._scratch)
        return build(self.new(source), replace(self.order, known=known))

    def ingest(self, source: Path, run_id: str = "run") -> int:
        """A new version with all that is new."""
        listing, shard = self.listed(source), self.shard(source)
        present = self.dataset.examples(PRESENT)
        aside = pa.concat_tables([self.aside.bytes_known("ingest"), for_its_bytes(shard.quarantined)])
        admitted = admit(
            shard.built, shard.repeated, present, gone(listing, present, str(source)), aside, self.order.policy
        )
        self.aside.append_files([shard.quarantine_file] if shard.quarantine_file else [], run_id)
        changed = [self.dataset.relabelled(admitted.relabelled), self.dataset.withheld(admitted.disputed)]
        rows = pa.concat_tables([admitted.examples, *changed])
        version = self.dataset.commit([shard.file] if shard.file else [], rows, self.order.policy, run_id)
        self.dataset.remember(admitted.copies)
        return version


@pytest.fixture
def intake(storage: Storage, tmp_path: Path) -> Callable[..., Intake]:
    """An intake into a storage root of its own, under a policy given by its fields."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    return lambda **policy: Intake(storage, Policy(**{"store_side": 64, "near_duplicates": -1, **policy}), scratch)


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
