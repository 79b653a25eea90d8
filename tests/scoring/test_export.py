"""An export holds every prediction that was asked for, in a form that its readers can trust."""

import csv
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nightsort.errors import ConfigError, StorageError, WriteError
from nightsort.schema import PREDICTIONS
from nightsort.scoring.export import export

WHEN = datetime(2026, 11, 21, 3, 4, 5, 600, tzinfo=UTC)
ROW: dict[str, Any] = {
    "sha256": "aa", "model_version": 3, "preprocessing": "p1", "path": "/in/a, b.jpg", "member": "", "size": 7,
    "stamp": "17", "label": "crack", "confidence": 0.93, "runner_up": "dent", "margin": 0.88,
    "top_labels": ["crack", "dent"], "top_confidences": [0.93, 0.05], "abstained": False, "width": 36, "height": 24,
    "aspect": 1.5, "sharpness": 12.25, "brightness": 100.5, "contrast": 0.1, "entropy": 7.9, "backend": "torch-fp32",
    "run_id": "run", "classified_at": WHEN, "run_date": "2026-11-21",
}  # fmt: skip
LISTS = ("top_labels", "top_confidences")


def batches(*rows: dict[str, Any], each: int = 2) -> Iterator[pa.RecordBatch]:
    table = pa.Table.from_pylist([{**ROW, **row} for row in rows], schema=PREDICTIONS)
    yield from table.to_batches(max_chunksize=each)


def from_csv(file: Path) -> list[dict[str, Any]]:
    with file.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def from_jsonl(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


READERS: dict[str, Callable[[Path], list[dict[str, Any]]]] = {
    ".csv": from_csv,
    ".jsonl": from_jsonl,
    ".parquet": lambda file: pq.read_table(file).to_pylist(),
}


@pytest.mark.parametrize("ending", READERS)
@pytest.mark.parametrize("count", [0, 1, 5])
def test_every_row_is_there_once(tmp_path: Path, ending: str, count: int) -> None:
    file = tmp_path / "made" / f"out{ending}"
    seen: list[int] = []
    assert export(batches(*({"sha256": f"{i}"} for i in range(count))), file, seen.append) == count == sum(seen)
    assert [row["sha256"] for row in READERS[ending](file)] == [str(i) for i in range(count)]
    assert [entry.name for entry in file.parent.iterdir()] == [file.name], "nothing is left beside it"


def test_json_lines_hold_what_was_written_as_it_was(tmp_path: Path) -> None:
    export(batches({"label": 'a "b"\n☃', "member": "=m"}), tmp_path / "out.JSONL")
    [row] = from_jsonl(tmp_path / "out.JSONL")
    assert datetime.fromisoformat(row.pop("classified_at")) == WHEN
    assert row == {name: value for name, value in ROW.items() if name != "classified_at"} | {
        "label": 'a "b"\n☃', "member": "=m",
    }  # fmt: skip


def test_parquet_keeps_the_types(tmp_path: Path) -> None:
    export(batches({}), tmp_path / "out.parquet")
    found = pq.read_table(tmp_path / "out.parquet")
    assert found.schema.equals(PREDICTIONS)
    assert found.equals(pa.Table.from_pylist([ROW], schema=PREDICTIONS))


def test_csv_is_flat_and_its_numbers_are_numbers(tmp_path: Path) -> None:
    export(batches({}), tmp_path / "out.csv")
    [row] = from_csv(tmp_path / "out.csv")
    assert row.pop("top") == "crack:0.93;dent:0.05"
    assert datetime.fromisoformat(row.pop("classified_at")) == WHEN
    assert row.pop("abstained") == "false"
    flat = {name: value for name, value in ROW.items() if name in row}
    assert row == {name: str(value) for name, value in flat.items()}
    assert flat.keys() == ROW.keys() - {*LISTS, "classified_at", "abstained"}


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_no_text_of_a_stranger_is_a_formula(tmp_path: Path, start: str) -> None:
    texts = dict.fromkeys(("path", "member", "label", "runner_up", "stamp"), f"{start}1+1")
    export(batches({**texts, "top_labels": [texts["label"], "b"], "aspect": -1.5}), tmp_path / "out.csv")
    [row] = from_csv(tmp_path / "out.csv")
    assert {name: row[name] for name in texts} == {name: f"'{text}" for name, text in texts.items()}
    assert row["top"] == f"'{start}1+1:0.93;b:0.05"
    assert float(row["aspect"]) == -1.5


def test_what_is_not_known_is_empty(tmp_path: Path) -> None:
    rows = ({"top_labels": None, "top_confidences": None, "size": None}, {}, {"top_labels": [], "top_confidences": []})
    export(batches(*rows, each=3), tmp_path / "out.csv")
    assert [(row["top"], row["size"]) for row in from_csv(tmp_path / "out.csv")] == [
        ("", ""), ("crack:0.93;dent:0.05", "7"), ("", "7"),
    ]  # fmt: skip


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "out.csv").write_text("mine")
    with pytest.raises(StorageError, match=f"^{tmp_path}/out.csv: is already there; name a file that is not$"):
        export(batches({}), tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == "mine"


@pytest.mark.parametrize("name", ["out", "out.xlsx", ".csv"])
def test_another_format_is_refused_before_anything_is_made(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=r"must end with \.csv, \.jsonl, \.parquet"):
        export(batches({}), tmp_path / "made" / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", READERS)
def test_an_export_that_breaks_off_leaves_nothing(tmp_path: Path, ending: str) -> None:
    def broken() -> Iterator[pa.RecordBatch]:
        yield from batches({})
        raise StorageError("the ledger is gone")

    with pytest.raises(StorageError, match="is gone"):
        export(broken(), tmp_path / f"out{ending}")
    assert list(tmp_path.iterdir()) == []


def test_a_link_that_leads_nowhere_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "out.csv").symlink_to(tmp_path / "nowhere.csv")
    with pytest.raises(StorageError, match="is already there"):
        export(batches({}), tmp_path / "out.csv")
    assert (tmp_path / "out.csv").is_symlink()


@pytest.mark.parametrize("name", ["file/out.csv", f"{'a' * 300}.csv"])
def test_a_place_that_cannot_be_written_is_named(name: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(WriteError, match=f"^{tmp_path}/{name}: could not be written"):
        export(batches({}), tmp_path / name)
