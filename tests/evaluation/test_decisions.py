"""What the gate said of a model stays beside it."""

import pytest

from nightsort.errors import ModelError
from nightsort.evaluation.decisions import decisions, record
from nightsort.evaluation.scores import Check, Decision
from nightsort.storage import Storage

REFUSED = Decision(
    promoted=False, reason="too slow", challenger_macro_f1=0.5, checks=[Check(name="speed", passed=False, line="slow")]
)


def test_every_decision_is_kept_in_the_order_of_its_runs(storage: Storage) -> None:
    record(storage, 3, "20260102T-promote", REFUSED.model_copy(update={"promoted": True, "reason": "better"}))
    record(storage, 3, "20260101T-train", REFUSED)
    told = decisions(storage, 3)
    assert [(item.run_id, item.promoted, item.reason) for item in told] == [
        ("20260101T-train", False, "too slow"),
        ("20260102T-promote", True, "better"),
    ]
    assert told[0].checks == REFUSED.checks
    assert decisions(storage, 4) == []


def test_a_damaged_decision_is_an_error_that_names_it(storage: Storage) -> None:
    storage.write_bytes("models/1/decisions/run.json", b"{}")
    with pytest.raises(ModelError, match=r"decisions/run\.json: is damaged \(\d faults\); delete it"):
        decisions(storage, 1)
