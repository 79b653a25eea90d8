"""Whether a retraining is due: by the facts alone, and in words with figures."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from nightsort.config.training import RetrainParams
from nightsort.learning.need import Facts, weigh

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
QUIET = Facts(now=NOW, labels=0, model=3, began=NOW - timedelta(hours=48), drifted=[])
RULE = RetrainParams(min_new_labels=100, cool_down_hours=24)


@pytest.mark.parametrize(
    ("change", "due", "words"),
    [
        ({}, False, "0 new labels since model 3 (100 are enough), and no drift was found"),
        ({"labels": 99}, False, "99 new labels since model 3 (100 are enough)"),
        ({"labels": 100}, True, "100 new labels since model 3 (100 are enough)"),
        ({"labels": 1, "drifted": ["n2", "n1"]}, True, "(100 are enough), and pictures drifted in n2"),
        ({"drifted": ["n1"]}, False, "a training on the same labels would not help"),
        ({"labels": 500, "model": None, "began": None}, True, "500 new labels and no model yet (100 are enough)"),
        ({"labels": 5, "model": None, "began": None}, False, "5 new labels and no model yet"),
    ],
)  # fmt: skip
def test_the_first_clause_that_applies_decides(change: dict[str, object], due: bool, words: str) -> None:
    need = weigh(replace(QUIET, **change), RULE)
    assert need.due is due and words in need.reason


@pytest.mark.parametrize(("hours", "due"), [(23.99, False), (24.0, True)])
def test_nothing_is_due_so_soon_after_the_last_training_began(hours: float, due: bool) -> None:
    """Though labels are enough and pictures drifted; a training that failed, and left no model, counts too."""
    facts = replace(QUIET, labels=1000, drifted=["n1"], began=NOW - timedelta(hours=hours))
    for model in (3, None):
        need = weigh(replace(facts, model=model), RULE)
        assert need.due is due
        assert ("began 24.0 hours ago, less than cool_down_hours 24" in need.reason) is not due


def test_drift_counts_only_if_it_is_wanted() -> None:
    need = weigh(replace(QUIET, labels=50, drifted=["n1"]), RULE.model_copy(update={"on_drift": False}))
    assert not need.due and need.reason.endswith("pictures drifted in n1, but on_drift is off")
