"""What was dropped is found again: a faultless ledger has no fault, each kind of fault is named."""

import hashlib
import zipfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from rehearsal.account import account
from rehearsal.drops import Delivery, Drops, Sent
from rehearsal.pictures import Digits
from rehearsal.records import Records
from rehearsal.truth import held_against

MOMENT = datetime(2026, 3, 5, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"))
TABLES = {"classified": "predictions", "copy": "copies", "quarantined": "quarantine"}


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> list[Sent]:
    """A small night, with an archive."""
    drops = Drops(tmp_path_factory.mktemp("incoming"), Digits(), 9, np.random.default_rng(0))
    drops.deliver(Delivery(5, MOMENT, "early", known=18, unseen=2, zipped=3))
    drops.deliver(Delivery(6, MOMENT.replace(day=6), "early", known=18, unseen=2, second_camera="dark"))
    return drops.sent


@pytest.fixture
def records(tmp_path: Path, sent: list[Sent]) -> Records:
    """Tables as a faultless month leaves them."""
    for fate, table in TABLES.items():
        rows = [row_of(each) | more(table, each) for each in sent if each.fate == fate]
        write_deltalake(str(tmp_path / table), pa.Table.from_pylist(rows))
    return Records(tmp_path)


def row_of(each: Sent) -> dict[str, Any]:
    path, _, member = each.place.partition("!")
    return {"path": path, "member": member, "sha256": each.sha256}


def more(table: str, each: Sent) -> dict[str, Any]:
    if table == "predictions":
        return {"model_version": 1, "label": each.truth or "0"}
    return {"flow": "classify"} if table == "quarantine" else {}


def lose(table: Path) -> None:
    DeltaTable(str(table)).delete(f"sha256 = '{DeltaTable(str(table)).to_pyarrow_table()['sha256'][0]}'")


def double(table: Path) -> None:
    write_deltalake(str(table), DeltaTable(str(table)).to_pyarrow_table().slice(0, 1), mode="append")


def invent(table: Path) -> None:
    row = DeltaTable(str(table)).to_pyarrow_table().slice(0, 1).to_pylist()[0] | {
        "path": "/nowhere",
        "sha256": "f" * 64,
    }
    write_deltalake(str(table), pa.Table.from_pylist([row]), mode="append")


def confuse(table: Path) -> None:
    rows = DeltaTable(str(table)).to_pyarrow_table().to_pylist()
    rows[0]["sha256"], rows[1]["sha256"] = rows[1]["sha256"], rows[0]["sha256"]
    write_deltalake(str(table), pa.Table.from_pylist(rows), mode="overwrite")


def test_a_drop_holds_what_it_says(sent: list[Sent]) -> None:
    for each in sent:
        path, _, member = each.place.partition("!")
        data = zipfile.ZipFile(path).read(member) if member else Path(path).read_bytes()
        assert hashlib.sha256(data).hexdigest() == each.sha256
        assert Path(path).stat().st_mtime < MOMENT.replace(day=each.night).timestamp()
    fates = [each.fate for each in sent if each.night == 5]
    assert {fate: fates.count(fate) for fate in set(fates)} == {
        "classified": 20, "copy": 1, "quarantined": 3, "ignored": 1,
    }  # fmt: skip
    assert sum("!" in each.place for each in sent) == 3
    assert sum(each.truth is None for each in sent if each.fate == "classified") == 10


def test_a_faultless_month_has_no_fault(sent: list[Sent], records: Records) -> None:
    found = account(sent, records)
    assert found.faults == []
    assert found.outcomes == {"predictions": 40, "copies": 2, "quarantine": 6, "ignored": 2}


@pytest.mark.parametrize(
    ("damage", "table", "words"),
    [
        (lose, "predictions", "lost; should be classified"),
        (lose, "quarantine", "lost; should be quarantined"),
        (double, "predictions", "classified 2 times"),
        (double, "copies", "has 2 rows"),
        (invent, "predictions", "nobody sent it"),
        (confuse, "predictions", "its bytes are"),
    ],
)
def test_a_fault_is_named(
    damage: Callable[[Path], None], table: str, words: str, sent: list[Sent], records: Records
) -> None:
    damage(records.root / table)
    assert words in " ".join(account(sent, records).faults)


def test_answers_are_held_against_what_shows_something(sent: list[Sent], records: Records) -> None:
    held = held_against(sent, records)
    assert (held.pictures, held.accuracy, held.recall["9"]) == (30, 1.0, 1.0)
    table = records.root / "predictions"
    DeltaTable(str(table)).update({"label": "'8'"}, predicate="label = '9'")
    assert held_against(sent, records).recall["9"] == 0.0
