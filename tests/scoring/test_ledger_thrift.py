"""What the ledger asks of its tables: to read no more than it must, and to write no more anew."""

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from nightsort.datafiles import Ticket
from nightsort.schema import LISTING, PREDICTIONS, QUARANTINE, SEEN
from nightsort.scoring.ledger import Ledger
from nightsort.storage import Storage
from nightsort.tables import Table


def row(path: str, sha256: str) -> dict[str, Any]:
    """A file, and what else any of the tables must know of it."""
    when = dict.fromkeys(("classified_at", "quarantined_at", "seen_at"), datetime(2026, 11, 21, tzinfo=UTC))
    state = {"path": path, "member": "", "size": 1, "stamp": "1", "sha256": sha256}
    return {**state, **when, "model_version": 1, "run_date": "2026-11-21", "reason": "corrupt", "flow": "classify"}


@pytest.mark.parametrize(
    ("listed", "read"),
    [("b", {"predictions": 1}), ("b again", {"predictions": 1, "copies": 1}), ("b bad", {"quarantine": 1}), ("e", {})],
)
def test_no_more_is_read_than_a_listing_can_hang_on(
    storage: Storage, monkeypatch: pytest.MonkeyPatch, listed: str, read: dict[str, int]
) -> None:
    for end, name, schema in (
        ("", "predictions", PREDICTIONS),
        (" again", "copies", SEEN),
        (" bad", "quarantine", QUARANTINE),
    ):
        rows = [row(f"{letter}{end}", letter if name == "copies" else f"{letter}{end}") for letter in "abcd"]
        Table(storage, name, schema).append(pa.Table.from_pylist(rows, schema=schema))
    counts: Counter[str] = Counter()
    batches = Table.batches

    def counted(table: Table, columns: Any, where: Any = None, batch_size: int = 0) -> Any:
        assert batch_size == 16_384, "rows at a time"
        for batch in batches(table, columns, where, batch_size):
            counts[Path(table.uri).name] += batch.num_rows
            yield batch

    monkeypatch.setattr(Table, "batches", counted)
    found = Ledger(storage).unchanged(pa.Table.from_pylist([row(listed, "")], schema=LISTING), None)
    assert (found["outcome"].to_pylist() == ["skipped"]) == bool(read) and +counts == read


@pytest.mark.parametrize(
    ("sizes", "target"),
    [([], 1_000_000), ([1024 * 999_999], 1_000_000), ([1024 * 2_000_001, 1023], 2_000_001), ([10**12], 64_000_000)],
)
def test_tidying_goes_by_the_size_of_each_table_and_the_lease(
    storage: Storage, monkeypatch: pytest.MonkeyPatch, sizes: list[int], target: int
) -> None:
    said: list[tuple[object, ...]] = []
    ticket = Ticket("predictions", 1 << 32)
    monkeypatch.setattr(Table, "sizes", lambda table: sizes)
    monkeypatch.setattr(Table, "merge_small", lambda table, *words: said.append(("merged", *words)) or 3)
    monkeypatch.setattr(Table, "vacuum", lambda table, *hours, **words: said.append((*hours, words)))
    assert Ledger(storage).tidy(ticket) == 6
    assert said == [("merged", target // 2, target, ticket), (24, {"keep_versions": False})] * 2
    assert all(isinstance(bytes_, int) for _, *words in said[::2] for bytes_ in words[:2])
