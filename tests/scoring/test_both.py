"""Pictures that the ledger holds twice: each once, whatever the number of passes."""

from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from nightsort.schema import PREDICTIONS
from nightsort.scoring import both as module
from nightsort.scoring.both import both
from nightsort.scoring.ledger import Ledger
from nightsort.storage import Storage

WHEN = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
FIELD = pc.field("model_version")


def fill(ledger: Ledger, model: int, numbers: range) -> None:
    """A prediction of each of these pictures; a model's number is in its labels."""
    rows = [
        {
            "sha256": sha256(str(i).encode()).hexdigest(), "model_version": model, "preprocessing": "p",
            "path": f"/in/{i}", "member": "", "label": f"{model}-{i}", "confidence": 0.5 + model / 10,
            "abstained": i % 2 == 0, "top_labels": ["a"], "top_confidences": [0.5], "run_id": f"run-{model}",
            "classified_at": WHEN, "run_date": "2026-11-20",
        }
        for i in numbers
    ]  # fmt: skip
    ledger.commit(pa.Table.from_pylist(rows, schema=PREDICTIONS))


@pytest.mark.parametrize("at_once", [500_000, 7, 1])
def test_each_picture_of_both_comes_once_with_both_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(module, "_AT_ONCE", at_once)
    ledger = Ledger(Storage(str(tmp_path)))
    fill(ledger, 1, range(20))
    fill(ledger, 2, range(12, 40))
    fill(ledger, 3, range(100))
    parts = list(both(ledger, FIELD == 1, FIELD == 2))
    rows = sorted(pa.concat_tables(parts).to_pylist(), key=lambda row: row["label"])
    assert [(row["label"], row["label_second"]) for row in rows] == [(f"1-{i}", f"2-{i}") for i in range(12, 20)]
    assert [row["confidence_second"] for row in rows] == pytest.approx([0.7] * 8)
    assert [row["abstained_second"] for row in rows] == [True, False] * 4
    assert max(part.num_rows for part in parts) <= max(at_once, 8)


def test_nothing_in_common_is_nothing(tmp_path: Path) -> None:
    ledger = Ledger(Storage(str(tmp_path)))
    assert list(both(ledger, FIELD == 1, FIELD == 2)) == []
    fill(ledger, 1, range(5))
    fill(ledger, 2, range(5, 9))
    assert list(both(ledger, FIELD == 1, FIELD == 2)) == []
