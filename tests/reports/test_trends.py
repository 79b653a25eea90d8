"""How classes go over the nights: what is new, gone or unusual, and what is only chance."""

from datetime import UTC, datetime

import numpy as np
import pytest

from nightsort.reports import trends
from nightsort.reports.digest import Digest
from nightsort.reports.night import MAX_TRENDS

USUAL = {"bolt": 100, "nut": 60, "crack": 40}


def nights(*counts: dict[str, int]) -> list[Digest]:
    """Earlier nights, newest first."""
    moment = datetime(2026, 11, 20, tzinfo=UTC)
    facts = {"flow": "classify", "state": "completed", "started": moment, "finished": moment, "title": ""}
    words = {"verdict": "Balanced", "tone": "good"}
    return [Digest.model_validate(facts | words | {"run_id": str(i), "predicted": c}) for i, c in enumerate(counts)]


def test_every_class_is_listed_most_predicted_first() -> None:
    rows = trends.of({"new": 1, "a": 3}, {"a": 0.5, "b": 0.5}, [])
    assert [(row.label, row.count, row.share, row.trained, row.usual) for row in rows] == [
        ("a", 3, 0.75, 0.5, None),
        ("new", 1, 0.25, None, None),
        ("b", 0, 0.0, 0.5, None),
    ]


def test_shares_run_from_the_oldest_night_to_this_one() -> None:
    rows = {row.label: row for row in trends.of({"a": 1, "b": 1}, {}, nights({"a": 3, "b": 1}, {}, {"b": 2}))}
    assert rows["a"].shares == [0.0, None, 0.75, 0.5] and rows["a"].usual == pytest.approx(3 / 6)


def test_a_usual_night_has_nothing_new_and_nothing_gone() -> None:
    rng = np.random.default_rng(1)
    drawn = [dict(zip("abcde", rng.multinomial(120, [0.5, 0.3, 0.15, 0.04, 0.01]).tolist(), strict=True))] * 1
    drawn += [dict(zip("abcde", rng.multinomial(120, [0.5, 0.3, 0.15, 0.04, 0.01]).tolist(), strict=True))] * 1
    rows = trends.of(drawn[0], {}, nights(*[drawn[1]] * 6))
    assert trends.appeared(rows) == trends.vanished(rows) == [] and not any(row.unusual for row in rows)


def test_a_class_nobody_saw_before_is_new_and_one_nobody_sees_is_gone() -> None:
    rows = trends.of({"bolt": 110, "crack": 50, "fray": 40}, {}, nights(*[USUAL] * 10))
    assert trends.appeared(rows) == ["fray"] and trends.vanished(rows) == ["nut"]


def test_a_small_night_misses_classes_without_their_being_gone() -> None:
    rows = trends.of({"bolt": 6, "nut": 4}, {}, nights(*[USUAL] * 10))
    assert trends.vanished(rows) == []
    rows = trends.of({"bolt": 120, "nut": 79, "rare": 1}, {}, nights({"bolt": 12, "nut": 8}))
    assert trends.appeared(rows) == []  # twenty pictures had no room for it


def test_a_class_of_one_night_is_not_missed() -> None:
    burst = {"bolt": 100, "fray": 400}
    rows = trends.of(USUAL, {}, nights(burst, *[USUAL] * 9))
    assert "fray" not in trends.vanished(rows)


def test_a_share_that_some_night_had_before_is_usual() -> None:
    swinging = [{"bolt": 100 + 60 * (i % 2), "nut": 100 - 60 * (i % 2)} for i in range(10)]
    rows = trends.of(swinging[1], {}, nights(*swinging))
    assert not any(row.unusual for row in rows)
    unheard_of = trends.of({"bolt": 20, "nut": 180}, {}, nights(*swinging))
    assert {row.label: row.unusual for row in unheard_of} == {"bolt": "less", "nut": "more"}


def test_trends_are_bounded() -> None:
    rows = trends.of({f"c{i}": i for i in range(2 * MAX_TRENDS)}, {}, [])
    assert len(rows) == MAX_TRENDS and rows[0].count == 2 * MAX_TRENDS - 1
