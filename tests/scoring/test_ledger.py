"""The ledger knows what has an outcome, under which model, and never changes what it holds."""

from datetime import UTC, datetime

import pyarrow as pa
import pytest

from nightsort import quarantine
from nightsort.quarantine import Quarantine
from nightsort.schema import FINGERPRINTS, PREDICTIONS, QUARANTINE
from nightsort.scoring.ledger import Ledger
from nightsort.sources.arrivals import KNOWN, decide
from nightsort.storage import Storage


def predictions(*names: str, model: int = 1, run_id: str = "run", day: str = "2026-11-21") -> pa.Table:
    rows = [
        {
            "sha256": f"sha-{name}", "model_version": model, "preprocessing": "p1", "path": name, "member": "",
            "label": "crack", "confidence": 0.9, "runner_up": "dent", "margin": 0.8, "abstained": False, "width": 1,
            "height": 1, "run_id": run_id, "classified_at": datetime.now(UTC), "run_date": day,
        }
        for name in names
    ]  # fmt: skip
    return pa.Table.from_pylist(rows, schema=PREDICTIONS)


def outcomes(ledger: Ledger, *names: str, rescore_under: int | None = None, suffix: str = "") -> list[str | None]:
    rows = [{"path": name, "member": "", "size": 1, "sha256": f"sha-{name}{suffix}"} for name in names]
    decided = decide(pa.Table.from_pylist(rows, schema=FINGERPRINTS), ledger.known(rescore_under))
    return [row["outcome"] for row in sorted(decided.to_pylist(), key=lambda row: str(row["path"]))]


@pytest.fixture
def ledger(storage: Storage) -> Ledger:
    return Ledger(storage)


def test_an_empty_ledger_knows_nothing(ledger: Ledger) -> None:
    assert ledger.count() == 0 and ledger.known().num_rows == 0 and ledger.known().schema == KNOWN
    assert ledger.known(rescore_under=1).num_rows == 0
    assert ledger.predictions("label").num_rows == 0


def test_what_was_classified_is_not_classified_again_whatever_the_model(ledger: Ledger) -> None:
    ledger.append(predictions("a", model=1))
    ledger.append(predictions("b", model=2, day="2026-11-22"))
    assert ledger.known().schema == KNOWN
    assert outcomes(ledger, "a", "b", "c") == ["skipped", "skipped", None]


def test_the_same_bytes_elsewhere_are_a_duplicate_and_other_bytes_there_are_new(ledger: Ledger) -> None:
    ledger.append(predictions("a"))
    rows = [
        {"path": "copy", "member": "", "size": 1, "sha256": "sha-a"},
        {"path": "a", "member": "", "size": 1, "sha256": "other"},
    ]
    decided = decide(pa.Table.from_pylist(rows, schema=FINGERPRINTS), ledger.known()).to_pylist()
    assert {row["path"]: row["outcome"] for row in decided} == {"a": None, "copy": "duplicate"}


def test_rescoring_takes_up_what_another_model_classified(ledger: Ledger) -> None:
    ledger.append(predictions("a", model=1))
    ledger.append(predictions("b", model=2))
    assert outcomes(ledger, "a", "b", rescore_under=2) == [None, "skipped"]
    ledger.append(predictions("a", model=2))
    assert outcomes(ledger, "a", "b", rescore_under=2) == ["skipped", "skipped"]


def test_a_picture_that_was_set_aside_is_known_under_every_model(ledger: Ledger, storage: Storage) -> None:
    for name, flow in (("bad", "classify"), ("label", "ingest")):
        item = {"sha256": f"sha-{name}", "path": name, "member": "", "size": 1}
        row = quarantine.row(item, "corrupt", "d", flow=flow, run_id="run")
        Quarantine(storage).append(pa.Table.from_pylist([row], schema=QUARANTINE))
    assert outcomes(ledger, "bad", "label") == ["skipped", None]
    assert outcomes(ledger, "bad", "label", rescore_under=9) == ["skipped", None]


def test_a_committed_chunk_stays_and_belongs_to_its_run(ledger: Ledger) -> None:
    ledger.append(predictions("a", "b", run_id="one"))
    before = ledger.predictions(*PREDICTIONS.names, run_id="one").to_pylist()
    ledger.append(predictions("c", run_id="two"))
    assert ledger.predictions(*PREDICTIONS.names, run_id="one").to_pylist() == before
    assert len(before) == 2
    assert ledger.predictions("path", run_id="two")["path"].to_pylist() == ["c"]
    assert sorted(ledger.predictions("path")["path"].to_pylist()) == ["a", "b", "c"]
    assert ledger.count() == 3
