"""What a commit reports as done outlives a power cut, and a long log stays quick to open."""

from pathlib import Path

import pytest

from nightsort import commits, disk
from nightsort.errors import LeaseLostError, WriteError
from nightsort.storage import Storage
from nightsort.tables import Table
from tests.ticketed import SCHEMA, again, numbers, rows, ticket


@pytest.fixture(params=[None, "day"])
def table(storage: Storage, request: pytest.FixtureRequest) -> Table:
    """A table that is not there yet, without partitions and with."""
    return Table(storage, "t", SCHEMA, partition_by=request.param)


def test_a_log_entry_is_on_the_disk_when_a_commit_is_reported(
    table: Table, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    sync = disk.sync
    monkeypatch.setattr(disk, "sync", lambda place: (done.append(place.name), sync(place)))
    table.append(rows(1))
    assert {f"{0:020}.json", f"{1:020}.json", "_delta_log", "t", Path(storage.root).name} <= set(done)
    done.clear()
    table.append(rows(2))
    assert f"{2:020}.json" in done and f"{0:020}.json" not in done


def test_what_is_found_made_when_it_is_tried_again_is_durable_too(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    table.append(rows(1), ticket=ticket(5))
    done: list[str] = []
    sync = disk.sync

    def failing(place: Path) -> None:
        if place.name == f"{2:020}.json":
            raise OSError(5, "Input/output error")
        sync(place)

    monkeypatch.setattr(disk, "sync", failing)
    with pytest.raises(WriteError, match="Input/output error"):
        table.append(rows(2), ticket=ticket(6))
    monkeypatch.setattr(disk, "sync", lambda place: done.append(place.name))
    table.append(rows(2), ticket=ticket(6))
    assert f"{2:020}.json" in done and numbers(table) == [1, 2]


def test_the_entry_of_a_writer_that_died_is_made_durable_by_the_next(
    table: Table, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    table.append(rows(1))
    done: list[str] = []
    monkeypatch.setattr(disk, "sync", lambda place: done.append(place.name))
    again(table, storage).append(rows(2))
    assert {f"{1:020}.json", f"{2:020}.json"} <= set(done)


def test_checkpoints_are_written_and_durable_and_the_log_stays(
    table: Table, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    monkeypatch.setattr(disk, "sync", lambda place: done.append(place.name))
    monkeypatch.setitem(commits._PROPERTIES, "delta.checkpointInterval", "5")
    for number in range(1, 12):
        table.append(rows(number), ticket=ticket(number))
    log = storage.names("t/_delta_log")
    points = [name for name in log if name.endswith(".checkpoint.parquet")]
    assert len(points) == 2 and {*points, "_last_checkpoint"} <= set(done)
    assert sum(name.endswith(".json") for name in log) == 12
    reopened = again(table, storage)
    assert reopened.count() == 11 and len(numbers(reopened)) == 11
    with pytest.raises(LeaseLostError):
        reopened.append(rows(0), ticket=ticket(10))
