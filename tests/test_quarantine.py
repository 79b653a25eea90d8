"""What was set aside is kept with a reason and its bytes, and is known afterwards."""

import csv
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from nightsort import quarantine
from nightsort.errors import StorageError
from nightsort.quarantine import CONTENT_CAP, Quarantine
from nightsort.schema import QUARANTINE, REASONS
from nightsort.sources.arrivals import KNOWN
from nightsort.storage import Storage
from nightsort.tables import Table

ITEM = {
    "sha256": "aa",
    "path": "/in/a.jpg",
    "member": "m",
    "size": 7,
    "stamp": "1",
    "label": "crack",
    "outcome": None,
    "extra": 1,
}


def table(*rows: dict[str, object]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=QUARANTINE)


def row(reason: str = "empty", flow: str = "ingest", content: bytes | None = b"x", **item: object) -> dict[str, object]:
    return quarantine.row({**ITEM, **item}, reason, "why", flow=flow, run_id="run", content=content)


def test_a_row_says_what_where_why_and_when(storage: Storage) -> None:
    Quarantine(storage).append(table(row()))
    [found] = Quarantine(storage).rows(*QUARANTINE.names).to_pylist()
    when = found.pop("quarantined_at")
    assert abs(datetime.now(UTC) - when) < timedelta(minutes=5)
    assert found == {
        "sha256": "aa", "path": "/in/a.jpg", "member": "m", "size": 7, "stamp": "1", "label": "crack",
        "reason": "empty", "detail": "why", "content": b"x", "flow": "ingest", "run_id": "run",
    }  # fmt: skip


@pytest.mark.parametrize(("length", "kept"), [(CONTENT_CAP, True), (CONTENT_CAP + 1, False)])
def test_the_original_bytes_are_kept_up_to_the_cap(length: int, kept: bool) -> None:
    data = bytes(length)
    assert row(content=data)["content"] == (data if kept else None)
    assert row(content=b"")["content"] == b""
    assert row(content=None)["content"] is None


def test_every_reason_is_taken_and_no_other(storage: Storage) -> None:
    aside = Quarantine(storage)
    aside.append(table(*(row(reason) for reason in REASONS)))
    with pytest.raises(ValueError, match=r"\['same_bytes'\] are not in schema\.REASONS"):
        aside.append(table(row("same_bytes"), row()))
    assert aside.count() == len(REASONS)


def test_appended_rows_are_all_there(storage: Storage) -> None:
    aside = Quarantine(storage)
    for _ in range(2):
        aside.append(table(row()))
        aside.append(table())
    assert aside.count() == 2


def test_each_flow_knows_its_own_but_what_may_be_readable_next_time(storage: Storage) -> None:
    aside = Quarantine(storage)
    cases = [("empty", "ingest"), ("no_label", "ingest"), ("unreadable", "ingest"), ("corrupt", "classify")]
    aside.append(table(*(row(reason, flow, sha256=reason) for reason, flow in cases)))
    known = aside.known("ingest")
    assert known.schema == KNOWN
    assert sorted(known["sha256"].to_pylist()) == ["empty", "no_label"]
    assert sorted(aside.bytes_known("ingest")["sha256"].to_pylist()) == ["empty", "unreadable"]
    assert aside.known("classify")["sha256"].to_pylist() == ["corrupt"]


def test_an_empty_quarantine_knows_nothing(storage: Storage) -> None:
    aside = Quarantine(storage)
    assert (aside.count(), aside.known("ingest").num_rows, aside.known("ingest").schema) == (0, 0, KNOWN)


def test_requeueing_a_reason_forgets_its_rows_and_no_others(storage: Storage) -> None:
    aside = Quarantine(storage)
    aside.append(table(row("empty"), row("empty"), row("corrupt")))
    assert aside.requeue("empty") == 2
    assert aside.known("ingest").num_rows == aside.count() == 1
    assert aside.requeue(None) == 1
    assert aside.requeue(None) == 0


def test_an_export_holds_every_row_and_the_bytes_that_were_kept(storage: Storage, tmp_path: Path) -> None:
    aside = Quarantine(storage)
    aside.append(table(row("empty", sha256="aa", content=b"one"), row("corrupt", sha256="bb", content=None)))
    assert aside.export(tmp_path / "out", None) == (2, 1)
    with (tmp_path / "out/quarantine.csv").open(newline="") as file:
        index = {item["sha256"]: item for item in csv.DictReader(file)}
    assert (tmp_path / "out" / index["aa"]["file"]).read_bytes() == b"one"
    assert index["bb"]["file"] == ""
    assert index["aa"]["path"] == "/in/a.jpg"


def test_an_export_of_one_reason_leaves_out_the_others(storage: Storage, tmp_path: Path) -> None:
    aside = Quarantine(storage)
    aside.append(table(row("empty"), row("corrupt")))
    assert aside.export(tmp_path / "out", "corrupt") == (1, 1)
    assert not (tmp_path / "out/empty").exists()


@pytest.mark.parametrize("path", ["../../escape.png", "/etc/passwd", "a/../../../b", "=cmd|' /C calc'!A0.jpg"])
def test_a_hostile_name_decides_neither_where_bytes_go_nor_what_a_spreadsheet_does(
    storage: Storage, tmp_path: Path, path: str
) -> None:
    aside = Quarantine(storage)
    aside.append(table(row("corrupt", sha256="cc", path=path, label="=1+1")))
    aside.export(tmp_path / "out", None)
    files = [file for file in tmp_path.rglob("*") if file.is_file() and "storage" not in file.parts]
    assert {file.relative_to(tmp_path).parts[0] for file in files} == {"out"}
    assert {file.stem for file in files} == {"quarantine", "cc"}
    with (tmp_path / "out/quarantine.csv").open(newline="") as file:
        [item] = csv.DictReader(file)
    assert item["label"] == "'=1+1"


def test_an_export_needs_a_folder(storage: Storage, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(StorageError, match=f"^{tmp_path}/out: is a file; name a folder"):
        Quarantine(storage).export(tmp_path / "out", None)


def test_an_export_never_mixes_with_what_is_there(storage: Storage, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(StorageError, match="is not empty"):
        Quarantine(storage).export(tmp_path, None)


def test_what_a_failed_run_left_is_deleted_after_a_day_and_every_version_stays(storage: Storage) -> None:
    aside = Quarantine(storage)
    aside.append(table(row("empty"), row("corrupt")))
    aside.requeue("empty")
    fresh, old = Path(aside.folder, "fresh.parquet"), Path(aside.folder, "old.parquet")
    for file in (fresh, old):
        file.write_bytes(b"never committed")
    for file in set(Path(aside.folder).glob("*.parquet")) - {fresh}:
        os.utime(file, (0, 0))
    assert aside.tidy() == 1
    assert (fresh.exists(), old.exists()) == (True, False)
    before = Table(storage, "quarantine", QUARANTINE).read(["reason"], version=1)
    assert sorted(before["reason"].to_pylist()) == ["corrupt", "empty"]
