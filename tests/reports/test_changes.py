"""What changed since the run before: nothing where nothing did, else both figures."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from nightsort.reports.changes import MAX_CHANGES, Tonight, is_repeat, since
from nightsort.reports.digest import Digest
from nightsort.tally import Tally

MIX = {"bolt": 500, "nut": 300, "crack": 200}
TONIGHT = Tonight(
    tally=Tally(discovered=1010, done=1000, quarantined=10),
    reasons={"truncated": 10, "known": 400},
    model_version=3,
    backend="openvino-int8",
    rate=90.0,
    predicted=MIX,
    abstained=50,
)


def before(**changes: object) -> Digest:
    """The run before, which was like tonight's."""
    moment = datetime(2026, 11, 20, tzinfo=UTC)
    facts = {"run_id": "r", "flow": "classify", "state": "completed", "started": moment, "finished": moment}
    same = {"title": "", "verdict": "", "tone": "good", "reasons": TONIGHT.reasons, "model_version": 3}
    more = {"tally": TONIGHT.tally, "predicted": MIX, "abstained": 50, "backend": "openvino-int8", "rate": 90.0}
    return Digest.model_validate(facts | same | more | changes)


def test_a_night_like_the_one_before_has_nothing_to_tell() -> None:
    assert since(before(), TONIGHT) == []
    near = replace(TONIGHT, abstained=56, predicted={"bolt": 520, "nut": 290, "crack": 190}, rate=70.0)
    assert since(before(), near) == []


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"model_version": 2}, "Model 3 classified, before model 2."),
        ({"abstained": 5}, "The model abstained for 5.0% of the pictures, before for 0.5%."),
        ({"backend": "torch-fp32"}, "openvino-int8 computed the answers, before torch-fp32."),
        ({"rate": 200.0}, "90 pictures a second, before 200."),
        ({"reasons": {"truncated": 90}}, "truncated: 10 of 1,010 files, before 90 of 1,010."),
        ({"predicted": MIX | {"crack": 60}}, "More of crack: 20.0%, before 7.0%."),
        ({"predicted": MIX | {"gone": 90}}, "Less of gone: 0%, before 8.3%."),
    ],
)
def test_a_change_is_told_with_both_figures(change: dict[str, object], line: str) -> None:
    assert since(before(**change), TONIGHT) == [line]


def test_how_many_came_is_told() -> None:
    few = replace(TONIGHT, tally=Tally(discovered=100, done=100), reasons={}, predicted={"bolt": 50, "nut": 30})
    assert "100 pictures classified, before 1,000." in since(before(), few)


def test_what_was_known_before_is_no_news() -> None:
    assert since(before(reasons={"truncated": 10}), TONIGHT) == []


def test_a_run_that_found_nothing_new_is_held_against_nothing() -> None:
    known = {"known": 1000}
    again = replace(TONIGHT, tally=Tally(discovered=1000, skipped=1000), reasons=known, predicted={}, abstained=0)
    assert is_repeat(again) and since(before(), again) == []
    empty = replace(again, tally=Tally(), reasons={})
    assert since(before(), empty) == ["0 pictures classified, before 1,000."]
    all_bad = replace(again, tally=Tally(discovered=1090, skipped=1000, quarantined=90), reasons=known | {"empty": 90})
    assert "empty: 90 of 90 files, before 0 of 1,010." in since(before(), all_bad)


def test_however_much_changed_the_list_is_bounded() -> None:
    strange = {f"class {i} {'x' * 1000}": 100 for i in range(50)}
    lines = since(before(predicted=strange, abstained=900, model_version=1), TONIGHT)
    assert 3 < len(lines) <= MAX_CHANGES and max(map(len, lines)) < 600
    assert any("45 classes more" in line for line in lines)
