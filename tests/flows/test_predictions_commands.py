"""The commands that show predictions and export them: what they say, write and exit with."""

import csv
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nightsort.schema import PREDICTIONS
from nightsort.scoring.ledger import Ledger
from nightsort.storage import Storage
from tests.flows.commands import Said

Nightsort = Callable[..., Said]
FIRST = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    """A storage root with a night under model 1 and the next under model 2, three pictures each."""
    root = tmp_path / "root"
    for night in (0, 1):
        rows = [
            {
                "sha256": f"{night}{i}", "model_version": night + 1, "preprocessing": "p1", "path": f"/in/{night}.zip",
                "member": f"{i}.jpg", "label": "crack", "confidence": 0.25, "abstained": i == 2,
                "top_labels": ["crack"], "top_confidences": [0.25], "run_id": f"run-{night}",
                "classified_at": FIRST + timedelta(days=night, minutes=i), "run_date": f"2026-11-2{night}",
            }
            for i in range(3)
        ]  # fmt: skip
        Ledger(Storage(str(root))).commit(pa.Table.from_pylist(rows, schema=PREDICTIONS))
    return root


def test_the_newest_are_listed_first(nightsort: Nightsort, filled: Path) -> None:
    said = nightsort("predictions", "--storage", filled, "--limit", 2)
    assert (said.code, said.out) == (
        0,
        [
            "2026-11-21 03:02  crack  0.250  abstained  /in/1.zip!2.jpg",
            "2026-11-21 03:01  crack  0.250  /in/1.zip!1.jpg",
            "... and 4 more",
        ],
    )
    data = nightsort("predictions", "list", "--storage", filled, "--json").data
    assert (data["classified"], [row["member"][0] for row in data["rows"]]) == (6, [*"210210"])
    assert nightsort("predictions", "--storage", filled, "--limit", 0).out == ["... and 6 more"]


def test_an_empty_ledger_says_what_to_do(nightsort: Nightsort, tmp_path: Path) -> None:
    said = nightsort("predictions", "--storage", tmp_path / "none")
    assert (said.code, said.out) == (0, ["no prediction yet; run 'nightsort classify FOLDER'"])
    assert not (tmp_path / "none").exists()


def read(file: Path) -> list[str]:
    """The picture of each row."""
    if file.suffix == ".parquet":
        rows = pq.read_table(file).to_pylist()
    elif file.suffix == ".csv":
        rows = list(csv.DictReader(file.open(newline="")))
    else:
        rows = [json.loads(line) for line in file.read_text().splitlines()]
    return sorted(row["sha256"] for row in rows)


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], ["00", "01", "02", "10", "11", "12"]),
        (["--run", "run-1"], ["10", "11", "12"]),
        (["--date", "2026-11-20"], ["00", "01", "02"]),
        (["--model", "2"], ["10", "11", "12"]),
        (["--model", "2", "--date", "2026-11-20"], []),
    ],
)
def test_an_export_holds_what_was_asked_for(
    nightsort: Nightsort, filled: Path, tmp_path: Path, words: list[str], expected: list[str], ending: str
) -> None:
    file = tmp_path / "made" / f"out.{ending}"
    said = nightsort("predictions", "export", "--into", file, "--storage", filled, "--json", *words)
    assert (said.code, said.data) == (0, {"rows": len(expected), "file": str(file)})
    assert read(file) == expected


def test_a_second_export_does_not_take_the_place_of_the_first(
    nightsort: Nightsort, filled: Path, tmp_path: Path
) -> None:
    words = ("predictions", "export", "--into", tmp_path / "out.csv", "--storage", filled)
    assert nightsort(*words).out == [f"6 predictions in {tmp_path / 'out.csv'}"]
    before = (tmp_path / "out.csv").read_bytes()
    again = nightsort(*words, "--run", "run-1")
    assert (again.code, len(again.err), again.out) == (2, 1, []) and "is already there" in again.err[0]
    assert (tmp_path / "out.csv").read_bytes() == before


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["--into", "out.xlsx"], "must end with .csv, .jsonl, .parquet"),
        (["--into", "out.csv", "--date", "yesterday"], "'yesterday' does not match the format '%Y-%m-%d'"),
        (["--into", "out.csv", "--model", "first"], "'first' is not a valid integer"),
        (["--into", "out.csv", "--model", 10**25], f"{10**25} is not in the range"),
        ([], "--into"),
    ],
)
def test_a_mistake_is_one_line(nightsort: Nightsort, filled: Path, words: list[object], part: str) -> None:
    said = nightsort("predictions", "export", "--storage", filled, *words)
    assert (said.code, len(said.err), said.out) == (2, 1, []) and part in said.err[0]
