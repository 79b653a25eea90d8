"""The ledger knows what has an outcome, under which model, and never changes what it holds."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, QueryBuilder

from nightsort import quarantine
from nightsort.datafiles import Ticket
from nightsort.errors import LeaseLostError
from nightsort.quarantine import Quarantine
from nightsort.schema import COPIES, FINGERPRINTS, LISTING, PREDICTIONS, QUARANTINE, SEEN
from nightsort.scoring.ledger import Ledger
from nightsort.sources.contents import is_in
from nightsort.storage import Storage
from nightsort.tables import Table

DAY = "2026-11-21"


def sha(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def at(path: str, **changes: Any) -> dict[str, Any]:
    return {"path": path, "member": "", "size": 1, "stamp": "1", **changes}


def predictions(*names: str, model: int = 1, run_id: str = "run", day: str = DAY, **changes: Any) -> pa.Table:
    answer = {"label": "crack", "confidence": 0.9, "top_labels": ["crack"], "top_confidences": [0.9]}
    run = {"run_id": run_id, "run_date": day, "classified_at": datetime.now(UTC), "preprocessing": "p1"}
    rows = [{**at(name), "sha256": sha(name), "model_version": model, **answer, **run, **changes} for name in names]
    return pa.Table.from_pylist(rows, schema=PREDICTIONS)


def copy(of: str, path: str, **changes: Any) -> pa.Table:
    return pa.Table.from_pylist([{**at(path, **changes), "sha256": sha(of)}], schema=COPIES)


def set_aside(storage: Storage, name: str, reason: str = "corrupt", flow: str = "classify", **changes: Any) -> None:
    item = {**at(name), "sha256": sha(name), **changes}
    row = quarantine.row(item, reason, "d", flow=flow, run_id="run")
    Quarantine(storage).append(pa.Table.from_pylist([row], schema=QUARANTINE))


def looked(ledger: Ledger, *rows: dict[str, Any], under: int | None = None) -> list[tuple[str | None, str | None]]:
    """Outcome and SHA-256 of each row."""
    found = ledger.unchanged(pa.Table.from_pylist(list(rows), schema=LISTING), under)
    assert found.schema == FINGERPRINTS
    assert found.select(["path", "member"]).to_pylist() == [{"path": r["path"], "member": r["member"]} for r in rows]
    assert all((row["outcome"] == "skipped") == (row["reason"] == "known") for row in found.to_pylist())
    return list(zip(found["outcome"].to_pylist(), found["last_sha256"].to_pylist(), strict=True))


@pytest.fixture
def ledger(storage: Storage) -> Ledger:
    return Ledger(storage)


def test_an_empty_ledger_knows_nothing(ledger: Ledger, tmp_path: Path) -> None:
    assert ledger.count() == ledger.predictions("label").num_rows == ledger.tidy() == 0
    assert looked(ledger, at("a")) == [(None, None)] and looked(ledger) == []
    assert not is_in(ledger.write_contents(tmp_path, None), sha("a"))


@pytest.mark.parametrize(
    ("changes", "outcome", "before"),
    [
        ({}, "skipped", "a"),
        ({"label": "other"}, "skipped", "a"),
        ({"stamp": "2"}, None, "a"),
        ({"size": 2}, None, "a"),
        ({"size": None}, None, "a"),
        ({"stamp": ""}, None, "a"),
        ({"member": "m"}, None, None),
        ({"path": "b"}, None, None),
    ],
)
def test_a_file_is_read_again_if_it_changed_whatever_is_said_of_it(
    ledger: Ledger, changes: dict[str, Any], outcome: str | None, before: str | None
) -> None:
    ledger.commit(predictions("a"))
    assert looked(ledger, {**at("a"), **changes}) == [(outcome, before and sha(before))]


def test_a_file_without_a_stamp_is_read_every_time(ledger: Ledger) -> None:
    ledger.commit(predictions("a", stamp=""))
    assert looked(ledger, at("a", stamp="")) == [(None, sha("a"))]


def test_what_the_listing_decided_stays_but_what_it_found_bad_before(ledger: Ledger, storage: Storage) -> None:
    set_aside(storage, "bad", "too_large", sha256=None, stamp="")
    bad = {"outcome": "quarantined", "reason": "too_large", "detail": "d"}
    deferred = {"outcome": "deferred", "reason": "still_written", "detail": ""}
    rows = [at("bad", stamp="", **bad), at("new", **bad), at("late", **deferred)]
    assert [outcome for outcome, _ in looked(ledger, *rows)] == ["skipped", "quarantined", "deferred"]


def test_a_copy_counts_while_its_bytes_have_an_outcome(ledger: Ledger, storage: Storage) -> None:
    ledger.remember(copy("a", "copy"))
    ledger.remember(copy("bad", "copy of bad"))
    assert looked(ledger, at("copy"), at("copy of bad")) == [(None, sha("a")), (None, sha("bad"))]
    ledger.commit(predictions("a"))
    set_aside(storage, "bad")
    assert looked(ledger, at("copy"), at("copy of bad")) == [("skipped", sha("a")), ("skipped", sha("bad"))]
    Quarantine(storage).requeue(None)
    assert [outcome for outcome, _ in looked(ledger, at("copy"), at("copy of bad"))] == ["skipped", None]


def test_a_copy_is_kept_with_its_time_unless_it_has_no_stamp(
    ledger: Ledger, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = datetime(2026, 11, 21, 3, tzinfo=UTC)
    monkeypatch.setattr("nightsort.clock.now", lambda: moment)
    for stamp in ("", None, "2"):
        ledger.remember(copy("a", f"copy {stamp}", stamp=stamp))
    kept = Table(storage, "copies", SEEN).read(SEEN.names).to_pylist()
    assert kept == [{**at("copy 2", stamp="2"), "sha256": sha("a"), "seen_at": moment}]


def test_a_place_has_what_was_last_seen_there(ledger: Ledger) -> None:
    ledger.commit(predictions("a"))
    ledger.commit(predictions("elsewhere"))
    ledger.remember(copy("elsewhere", "a", stamp="2"))
    assert looked(ledger, at("a", stamp="3"), at("a")) == [(None, sha("elsewhere")), ("skipped", sha("elsewhere"))]


def test_a_member_of_two_places_in_one_listing_is_found_at_both(ledger: Ledger) -> None:
    ledger.commit(predictions("zip", member="m"))
    rows = [at("zip", member="m"), at("zip", member="m"), at("zip", member="m", size=2)]
    assert [outcome for outcome, _ in looked(ledger, *rows)] == ["skipped", "skipped", None]


def test_rescoring_takes_up_what_another_model_classified(ledger: Ledger, tmp_path: Path) -> None:
    def known(under: int | None) -> list[str | None]:
        rows = looked(ledger, at("a"), at("b"), at("copy of a"), under=under)
        file = ledger.write_contents(tmp_path, under)
        inside = [is_in(file, sha(name)) for name in ("a", "b", "a")]
        outcomes = [outcome for outcome, _ in rows]
        assert [sha256 for _, sha256 in rows] == [sha("a"), sha("b"), sha("a")], "whatever the model"
        assert [outcome == "skipped" for outcome in outcomes] == inside
        return outcomes

    ledger.commit(predictions("a", model=1))
    ledger.commit(predictions("b", model=2))
    ledger.remember(copy("a", "copy of a"))
    assert known(None) == ["skipped"] * 3
    assert known(1) == ["skipped", None, "skipped"]
    assert known(2) == [None, "skipped", None]
    ledger.commit(predictions("a", model=2))
    assert known(2) == ["skipped"] * 3


@pytest.mark.parametrize("under", [None, 9])
def test_a_picture_that_was_set_aside_is_known_under_every_model(
    ledger: Ledger, storage: Storage, tmp_path: Path, under: int | None
) -> None:
    set_aside(storage, "bad")
    set_aside(storage, "gone", "unreadable", sha256=None)
    set_aside(storage, "of another flow", flow="ingest")
    rows = looked(ledger, at("bad"), at("gone"), at("of another flow"), under=under)
    assert rows == [("skipped", sha("bad")), (None, None), (None, None)]
    file = ledger.write_contents(tmp_path, under)
    assert [is_in(file, sha(name)) for name in ("bad", "of another flow")] == [True, False]


def test_a_committed_chunk_stays_and_belongs_to_its_run(ledger: Ledger) -> None:
    ledger.commit(predictions("a", "b", run_id="one"))
    before = ledger.predictions(*PREDICTIONS.names).to_pylist()
    ledger.commit(predictions("c", run_id="two"))
    after = ledger.predictions(*PREDICTIONS.names).to_pylist()
    assert len(before) == 2 and [row for row in after if row["run_id"] == "one"] == before
    assert sorted((row["path"], row["run_id"]) for row in after) == [("a", "one"), ("b", "one"), ("c", "two")]
    assert ledger.count() == 3


def test_a_ticket_commits_once_and_an_older_one_never(ledger: Ledger) -> None:
    old, new = Ticket("predictions", 1 << 32), Ticket("predictions", 2 << 32)
    for _ in range(2):
        ledger.commit(predictions("a"), ticket=old)
        ledger.remember(copy("a", "copy"), ticket=old)
    assert ledger.count() == 1
    ledger.fence(new)
    with pytest.raises(LeaseLostError):
        ledger.commit(predictions("b"), ticket=Ticket("predictions", (1 << 32) + 1))
    with pytest.raises(LeaseLostError):
        ledger.remember(copy("a", "b"), ticket=Ticket("predictions", (1 << 32) + 1))
    assert ledger.count() == 1 and looked(ledger, at("b"), at("copy")) == [(None, None), ("skipped", sha("a"))]


def test_tidying_leaves_one_file_a_day_and_every_row(ledger: Ledger, storage: Storage) -> None:
    for name, day in (("c", DAY), ("a", DAY), ("b", DAY), ("d", "2026-11-22")):
        ledger.commit(predictions(name, day=day))
        ledger.remember(copy(name, f"copy of {name}"))
    before = ledger.predictions(*PREDICTIONS.names).sort_by("path").to_pylist()
    assert ledger.tidy() == 3 + 4
    assert ledger.predictions(*PREDICTIONS.names).sort_by("path").to_pylist() == before
    files = DeltaTable(storage.locate("predictions")).file_uris()
    assert sorted(Path(file).parent.name for file in files) == [f"run_date={DAY}", "run_date=2026-11-22"]
    [first] = [file for file in files if DAY in file]
    assert pq.ParquetFile(first).read(["path"])["path"].to_pylist() == ["a", "b", "c"], "in order, to be found fast"
    assert looked(ledger, at("a"), at("copy of d")) == [("skipped", sha("a")), ("skipped", sha("d"))]
    assert ledger.tidy() == 0


def test_files_of_a_ledger_that_outgrew_its_target_are_larger(
    ledger: Ledger, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "abcdefgh":
        ledger.commit(predictions(name))
    monkeypatch.setattr("nightsort.scoring.ledger._TARGET", 1)
    assert ledger.tidy() == 0, "each of eight files is above a target of one byte"
    monkeypatch.setattr("nightsort.scoring.ledger._FILES", 2)
    assert ledger.tidy() > 4, "one whose turn comes last may be left alone"
    assert len(DeltaTable(storage.locate("predictions")).file_uris()) <= 4
    assert sorted(ledger.predictions("path")["path"].to_pylist()) == list("abcdefgh")


def test_the_newest_come_first_whatever_file_they_are_in(ledger: Ledger) -> None:
    assert ledger.newest(3, "path", "classified_at").to_pydict() == {"path": [], "classified_at": []}
    for hour, names in ((3, "b"), (9, "d"), (1, "a"), (5, "c")):
        ledger.commit(predictions(*names, classified_at=datetime(2026, 11, 21, hour, tzinfo=UTC)))
    found = ledger.newest(3, "path", "classified_at")
    assert found["path"].to_pylist() == ["d", "c", "b"]
    assert [moment.hour for moment in found["classified_at"].to_pylist()] == [9, 5, 3]
    assert ledger.newest(9, "classified_at", "label").column_names == ["classified_at", "label"]
    assert ledger.newest(9, "classified_at", "label").num_rows == 4


def test_others_read_it_without_nightsort(ledger: Ledger, storage: Storage) -> None:
    ledger.commit(predictions("a", "b"))
    ledger.commit(predictions("a", model=2, day="2026-11-22"))
    table = DeltaTable(storage.locate("predictions"))
    query = "SELECT path, model_version, top_labels, run_date FROM p WHERE model_version = 2 AND path LIKE 'a%'"
    found = pa.table(QueryBuilder().register("p", table).execute(query).read_all()).to_pylist()
    assert found == [{"path": "a", "model_version": 2, "top_labels": ["crack"], "run_date": "2026-11-22"}]
    whole = table.to_pyarrow_table()
    assert sorted(whole["path"].to_pylist()) == ["a", "a", "b"]
    assert {field.name for field in whole.schema} == set(PREDICTIONS.names)
