"""A table in a file: what was written comes back without taking memory, and a disk that fails is named."""

from pathlib import Path

import pyarrow as pa
import pytest

from nightsort.errors import WriteError
from nightsort.sources.spool import Spool

SCHEMA = pa.schema([("path", pa.string()), ("size", pa.int64())])


def rows(start: int, count: int) -> pa.Table:
    numbers = list(range(start, start + count))
    return pa.table({"path": [f"{number}.png" for number in numbers], "size": numbers}, schema=SCHEMA)


def test_what_was_written_comes_back_from_the_file(tmp_path: Path) -> None:
    spool = Spool(tmp_path, SCHEMA)
    for start in range(0, 60_000, 20_000):
        spool.write(rows(start, 20_000))
    spool.write(rows(60_000, 1).to_batches()[0])
    before = pa.total_allocated_bytes()
    table = spool.table()
    assert table.equals(rows(0, 60_001))
    assert table.nbytes > 1_000_000 and pa.total_allocated_bytes() - before < 100_000


def test_two_spools_of_a_folder_do_not_meet(tmp_path: Path) -> None:
    first, second = Spool(tmp_path, SCHEMA), Spool(tmp_path, SCHEMA)
    first.write(rows(0, 3))
    assert (first.table().num_rows, second.table().num_rows) == (3, 0)


def test_a_disk_that_fails_is_named(tmp_path: Path) -> None:
    with pytest.raises(WriteError, match=r"nowhere/.*\.arrow: could not be written \(.*No such file"):
        Spool(tmp_path / "nowhere", SCHEMA)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nightsort.sources.spool.uuid.uuid4", lambda: type("Fixed", (), {"hex": "spool"}))
    (tmp_path / "spool.arrow").symlink_to("/dev/full")
    with pytest.raises(WriteError, match=r"spool\.arrow: could not be written .*No space left"):
        spool = Spool(tmp_path, SCHEMA)
        spool.write(rows(0, 100_000))
        spool.table()
