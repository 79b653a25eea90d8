"""A commit is seen whole or not at all, and a version stays what it was."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as pds
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, QueryBuilder

from nightsort import disk, tables
from nightsort.datafiles import DataFile, write_file
from nightsort.errors import StorageError, WriteError
from nightsort.storage import Storage
from nightsort.tables import Table

SCHEMA = pa.schema([("n", pa.int64()), ("day", pa.string())])


def rows(*numbers: int, day: str = "2026-11-21") -> pa.Table:
    return pa.Table.from_pylist([{"n": n, "day": day} for n in numbers], schema=SCHEMA)


def numbers(table: Table, version: int | None = None) -> list[int]:
    return sorted(table.read(["n"], version=version)["n"].to_pylist())


def file_of(table: Table, name: str, *numbers: int) -> DataFile:
    path = Path(table.uri) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(rows(*numbers), path)
    return DataFile(name, len(numbers), path.stat().st_size)


@pytest.fixture
def table(storage: Storage) -> Table:
    return Table(storage, "t", SCHEMA)


def test_a_table_that_is_not_there_is_empty_and_stays_so(table: Table) -> None:
    assert table.version() is None and table.count() == 0 and numbers(table) == []
    assert list(table.batches(["n"])) == []
    table.append(rows())
    assert not Path(table.uri).exists()


def test_an_append_is_one_version_and_old_ones_stay(table: Table) -> None:
    table.append(rows(1, 2))
    first = table.version()
    table.append(rows(3))
    assert (first, table.version()) == (1, 2)
    assert (numbers(table), numbers(table, 1), table.count()) == ([1, 2, 3], [1, 2], 3)


def test_rows_are_filtered_and_streamed(table: Table) -> None:
    table.append(rows(*range(10)))
    even = pc.bit_wise_and(pc.field("n"), 1) == 0
    assert sorted(table.read(["n"], even)["n"].to_pylist()) == [0, 2, 4, 6, 8]
    batches = list(table.batches(["n"], pc.field("n") >= 4, batch_size=2))
    assert sorted(n for batch in batches for n in batch["n"].to_pylist()) == list(range(4, 10))
    assert all(batch.num_rows <= 2 for batch in batches)


def test_partitions_become_folders_and_come_back_as_columns(storage: Storage) -> None:
    table = Table(storage, "t", SCHEMA, partition_by="day")
    table.append(rows(1, day="2026-11-20"))
    table.append(rows(2, 3, day="2026-11-21"))
    assert sorted(path.name for path in Path(table.uri).glob("day=*")) == ["day=2026-11-20", "day=2026-11-21"]
    assert table.read(["n", "day"], pc.field("day") == "2026-11-20").to_pylist() == [{"n": 1, "day": "2026-11-20"}]


def test_other_readers_find_the_partitions_too(storage: Storage) -> None:
    table = Table(storage, "t", SCHEMA, partition_by="day")
    rows_of_two_days = pa.concat_tables([rows(1, day="2026-11-20"), rows(2, 3)])
    table.append(rows_of_two_days)
    assert table.version() == 1
    delta = DeltaTable(table.uri)
    found = QueryBuilder().register("t", delta).execute("select n, day from t order by n").read_all()
    for others in (
        found,
        delta.to_pyarrow_table().sort_by("n"),
        pds.dataset(table.uri, partitioning="hive").to_table(),
    ):
        assert pa.table(others).select(["n", "day"]).to_pylist() == rows_of_two_days.to_pylist()


def test_small_files_are_merged_within_their_partition(storage: Storage) -> None:
    table = Table(storage, "t", SCHEMA, partition_by="day")
    for n in range(3):
        table.append(pa.concat_tables([rows(n, day="2026-11-20"), rows(n + 10)]))
    table.append(rows(20, day="2026-11-22"))
    before = table.read(["n", "day"])
    assert table.merge_small(1_000_000, 1_000_000) == 6  # the only one of its day stays
    assert len(table.sizes()) == 3
    assert table.read(["n", "day"]).sort_by("n") == before.sort_by("n")
    assert sorted(table.read(["n"], pc.field("day") == "2026-11-20")["n"].to_pylist()) == [0, 1, 2]
    assert table.merge_small(1_000_000, 1_000_000) == 0 and table.version() == 5


def test_rows_of_a_partition_are_replaced_and_deleted(storage: Storage) -> None:
    table = Table(storage, "t", SCHEMA, partition_by="day")
    table.append(pa.concat_tables([rows(1, 2, day="2026-11-20"), rows(3, 4)]))
    table.upsert(rows(2, 5, day="2026-11-22"), "n", "run")
    assert table.delete(pc.field("n") == 4) == 1
    assert sorted((row["n"], row["day"][-2:]) for row in table.read(["n", "day"]).to_pylist()) == [
        (1, "20"),
        (2, "22"),
        (3, "21"),
        (5, "22"),
    ]


def test_a_column_that_a_later_release_adds_is_null_in_what_there_was(storage: Storage) -> None:
    Table(storage, "numbers", SCHEMA).append(rows(1, 2))
    wider = Table(storage, "numbers", SCHEMA.append(pa.field("weight", pa.float32())))
    assert wider.read(["n", "weight"]).to_pylist() == [{"n": 1, "weight": None}, {"n": 2, "weight": None}]
    added = pa.table({"n": [2, 3], "day": ["2026-11-22"] * 2, "weight": [0.5, 1.5]}, schema=wider.schema)
    wider.upsert(added, "n", "run")
    wider.merge_small(10**6, 10**6)
    assert sorted(wider.read(["n", "weight"])["weight"].to_pylist(), key=str) == [0.5, 1.5, None]
    assert numbers(Table(storage, "numbers", SCHEMA)) == [1, 2, 3]  # the release before reads it, too


def test_files_are_part_of_the_table_only_once_they_are_committed(table: Table) -> None:
    files = [file_of(table, "a.parquet", 1, 2), file_of(table, "b.parquet", 3)]
    file_of(table, "left-behind.parquet", 99)
    assert table.version() is None and numbers(table) == []
    version = table.append_files(files, "run-1")
    assert (version, table.version(), numbers(table), table.count()) == (1, 1, [1, 2, 3], 3)
    assert table.append_files([file_of(table, "c.parquet", 4)], "run-2") == 2
    assert (numbers(table, 1), numbers(table, 2)) == ([1, 2, 3], [1, 2, 3, 4])


def test_a_commit_that_dies_leaves_the_table_as_it_was(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    table.append_files([file_of(table, "a.parquet", 1)], "run-1")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "disk full")

    monkeypatch.setattr(tables.DeltaTable, "create_write_transaction", full)
    with pytest.raises(WriteError, match="disk full"):
        table.append_files([file_of(table, "b.parquet", 2)], "run-2")
    monkeypatch.undo()
    assert (table.version(), numbers(table)) == (1, [1])


def test_what_cannot_be_written_is_a_write_error(storage: Storage) -> None:
    Path(storage.root).parent.mkdir(parents=True, exist_ok=True)
    Path(storage.root).write_bytes(b"a file where the root should be")
    with pytest.raises(WriteError) as caught:
        Table(storage, "t", SCHEMA).append(rows(1))
    assert len(caught.value.lines) == 1


def test_the_run_that_made_a_version_is_in_its_history(table: Table) -> None:
    table.append_files([file_of(table, "a.parquet", 1)], "run-1")
    history: list[dict[str, Any]] = tables.open_table(table.uri).history()
    assert "run-1" in str(history[0])


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: next(folder.glob("*.parquet")).unlink(),
        lambda folder: next(folder.glob("*.parquet")).write_bytes(b"junk"),
        lambda folder: next((folder / "_delta_log").glob("*.json")).write_text("{"),
    ],
)
def test_a_damaged_table_is_one_line(storage: Storage, damage: Callable[[Path], object]) -> None:
    table = Table(storage, "rows", pa.schema([("n", pa.int64())]))
    table.append(pa.table({"n": [1, 2]}))
    damage(Path(table.uri))
    for ask in (lambda: table.read(["n"]), lambda: list(table.batches(["n"]))):
        with pytest.raises(StorageError, match="is damaged, incomplete or not to be reached") as caught:
            ask()
        assert len(str(caught.value).splitlines()) == 1


def test_a_file_is_on_the_disk_before_a_commit_names_it(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    sync, commit = disk.sync, DeltaTable.create_write_transaction
    monkeypatch.setattr(disk, "sync", lambda place: (done.append(place.name), sync(place)))
    monkeypatch.setattr(
        DeltaTable, "create_write_transaction", lambda *args, **how: (done.append("commit"), commit(*args, **how))
    )
    file = write_file(table.uri, rows(1), "run")
    assert done == []
    table.append_files([file], "run")
    assert done.index(file.name) < done.index("commit")
    assert Path(table.uri).name in done[: done.index("commit")]


def test_a_bit_that_turned_is_not_read_as_another_picture(storage: Storage) -> None:
    table = Table(storage, "hashed", pa.schema([("sha256", pa.string())]))
    table.append(pa.table({"sha256": ["a" * 64, "b" * 64]}))
    (file,) = Path(table.uri).glob("*.parquet")
    data = file.read_bytes()
    file.write_bytes(data.replace(b"b" * 64, b"b" * 63 + b"c"))
    for read in (lambda: table.read(["sha256"]), lambda: list(table.batches(["sha256"]))):
        with pytest.raises(StorageError, match=r"is damaged.*CRC checksum verification failed"):
            read()
    table.append(pa.table({"sha256": ["d" * 64]}))
    with pytest.raises(WriteError, match="CRC checksum verification failed"):
        table.merge_small(10_000, 10_000)  # it would be sealed with a checksum that fits
