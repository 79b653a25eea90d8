"""The checker of the soak says what is lost, doubled, misplaced, torn or different, and nothing where all is well."""

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from tests.soak.checker import Expected, Findings, Row, check, predictions, survey
from tests.soak.pictures import make_drop

ANSWER = {"label": "red", "confidence": 0.9, "model_version": 1, "preprocessing": "p1"}
PLACES = ("path", "member", "stamp", "sha256")

Damage = Callable[[Path, Expected], None]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_drop(tmp_path_factory.mktemp("source") / "drop", 300)


@pytest.fixture
def whole(tmp_path: Path, source: Path) -> Path:
    """Tables as a faultless run leaves them, in two commits of predictions."""
    expected, seen = survey(source), set[str]()
    rows: dict[str, list[Row]] = {"predictions": [], "copies": [], "quarantine": []}
    for place, sha256 in expected.good.items():
        name = "copies" if sha256 in seen else "predictions"
        rows[name].append(row_of(source, place, sha256) | (ANSWER if sha256 not in seen else {}))
        seen.add(sha256)
    rows["quarantine"] = [
        row_of(source, *item) | {"reason": "corrupt", "flow": "classify"} for item in expected.bad.items()
    ]
    half = len(rows["predictions"]) // 2
    for name, some in (*rows.items(), ("predictions", [])):
        write(tmp_path / name, some[:half] if name == "predictions" else some)
    write(tmp_path / "predictions", rows["predictions"][half:])
    return tmp_path


def row_of(source: Path, place: str, sha256: str) -> Row:
    path, _, member = place.partition("!")
    return {"path": f"{source}/{path}", "member": member, "stamp": "1", "sha256": sha256}


def write(table: Path, rows: list[Row]) -> None:
    if rows:
        write_deltalake(str(table), pa.Table.from_pylist(rows), mode="append")


def lose(root: Path, expected: Expected) -> None:
    first = next(iter(expected.good.values()))
    DeltaTable(str(root / "predictions")).delete(f"sha256 = '{first}'")


def lose_a_verdict(root: Path, expected: Expected) -> None:
    path, _, member = next(iter(expected.bad)).partition("!")
    DeltaTable(str(root / "quarantine")).delete(f"path like '%{path}' and member = '{member}'")


def double(root: Path, expected: Expected, table: str = "predictions") -> None:
    rows = DeltaTable(str(root / table)).to_pyarrow_table()
    write(root / table, rows.slice(0, 1).to_pylist())


def double_a_verdict(root: Path, expected: Expected) -> None:
    double(root, expected, "quarantine")


def double_a_copy(root: Path, expected: Expected) -> None:
    double(root, expected, "copies")


def swap(root: Path, expected: Expected) -> None:
    """The answers of two pictures change places: nothing lost, nothing doubled, and both are wrong."""
    rows = DeltaTable(str(root / "predictions")).to_pyarrow_table().to_pylist()
    rows[0]["sha256"], rows[1]["sha256"] = rows[1]["sha256"], rows[0]["sha256"]
    write_deltalake(str(root / "predictions"), pa.Table.from_pylist(rows), mode="overwrite")


def set_a_good_one_aside(root: Path, expected: Expected) -> None:
    path = next(iter(expected.good))
    write(
        root / "quarantine",
        [{"path": path, "member": "", "stamp": "", "sha256": None, "reason": "unreadable", "flow": "classify"}],
    )


def a_file(root: Path) -> Path:
    return min((root / "predictions").glob("*.parquet"))


def cut(root: Path, expected: Expected) -> None:
    a_file(root).write_bytes(a_file(root).read_bytes()[:-40])


def remove(root: Path, expected: Expected) -> None:
    a_file(root).unlink()


def cut_the_log(root: Path, expected: Expected) -> None:
    entry = root / "predictions" / "_delta_log" / f"{1:020d}.json"
    entry.write_text(entry.read_text()[:-30])


def skip_in_the_log(root: Path, expected: Expected) -> None:
    log = root / "predictions" / "_delta_log"
    (log / f"{1:020d}.json").rename(log / f"{2:020d}.json")


def misstate(root: Path, expected: Expected) -> None:
    entry = root / "predictions" / "_delta_log" / f"{1:020d}.json"
    actions = [json.loads(line) for line in entry.read_text().splitlines()]
    for action in actions:
        if "add" in action:
            action["add"]["stats"] = json.dumps({"numRecords": 3})
    entry.write_text("\n".join(json.dumps(action) for action in actions))


DAMAGES: list[tuple[Damage, str]] = [
    (lose, "lost"),
    (lose_a_verdict, "lost"),
    (double, "doubled"),
    (double_a_verdict, "doubled"),
    (double_a_copy, "doubled"),
    (swap, "misplaced"),
    (set_a_good_one_aside, "misplaced"),
    (cut, "torn"),
    (remove, "torn"),
    (cut_the_log, "torn"),
    (skip_in_the_log, "torn"),
    (misstate, "torn"),
]


def verdict(root: Path, source: Path) -> Findings:
    return check(root, source, survey(source), {}, 0.01)


def test_nothing_is_wrong_with_what_is_whole(whole: Path, source: Path) -> None:
    expected = survey(source)
    assert len(expected.good) + len(expected.bad) == 300 and len(set(expected.good.values())) < len(expected.good)
    assert any("!" in place for place in expected.good) and expected.bad
    found = verdict(whole, source)
    assert not found and str(found) == "none"


@pytest.mark.parametrize(("damage", "kind"), DAMAGES, ids=lambda value: getattr(value, "__name__", value))
def test_a_fault_is_found_and_named(damage: Damage, kind: str, whole: Path, source: Path) -> None:
    damage(whole, survey(source))
    found = verdict(whole, source)
    assert found and getattr(found, kind) and kind in str(found)


def test_one_flipped_byte_of_a_page_is_torn(tmp_path: Path) -> None:
    """Neither the size nor the rows tell; the checksum of the page does."""
    import pyarrow.parquet as pq

    from tests.soak.checker import _rows

    table = pa.table({"sha256": [f"{number:064d}" for number in range(50)]})
    write_deltalake(str(tmp_path), table)
    file = next(tmp_path.glob("*.parquet"))
    pq.write_table(table, file, compression="none", use_dictionary=False, write_page_checksum=True)
    size = file.stat().st_size
    entry = tmp_path / "_delta_log" / f"{0:020d}.json"
    actions = [json.loads(line) for line in entry.read_text().splitlines()]
    for action in actions:
        if "add" in action:
            action["add"]["size"] = size
    entry.write_text("\n".join(json.dumps(action) for action in actions))
    torn: list[str] = []
    assert len(_rows(tmp_path, torn)) == 50 and torn == []
    data = bytearray(file.read_bytes())
    data[data.index(b"%064d" % 7) + 63] ^= 1
    file.write_bytes(data)
    _rows(tmp_path, torn)
    assert len(torn) == 1 and "checksum" in torn[0].lower()


def test_answers_are_held_against_those_of_a_quiet_run(whole: Path, source: Path) -> None:
    answers, expected = predictions(whole), survey(source)
    assert answers and not check(whole, source, expected, answers, 0.0)
    first, second, *_ = answers
    answers[first] = {"label": "blue", "confidence": 0.9}
    answers[second] = {"label": "red", "confidence": 0.5}
    assert len(check(whole, source, expected, answers, 0.1).differing) == 2


def test_a_copy_that_nobody_remembers_is_said(whole: Path, source: Path) -> None:
    DeltaTable(str(whole / "copies")).delete()
    found = verdict(whole, source)
    assert found.forgotten and not found.midway() and not found.lost
