"""What a page says of a model before the gate: every condition with its figures, and who moved the champion why."""

from collections.abc import Callable
from typing import Any

import pytest

from nightsort.evaluation.scores import Check, Decision, Slice
from nightsort.reports.data import Report
from nightsort.reports.headline import title, verdict
from nightsort.reports.promoted import PromotionPart
from nightsort.reports.render import to_html, to_markdown
from nightsort.reports.summary import as_lines, as_object

PAYLOAD = "<img src=x onerror=alert(60481729)>"


def decided(promoted: bool = False) -> Decision:
    """A decision about a challenger that is better but, unless it is promoted, slower."""
    slices = [
        Slice(
            name=name, pictures=pictures, champion_macro_f1=0.7, challenger_macro_f1=f1, difference_low=0.01,
            difference_high=0.2,
        )
        for name, pictures, f1 in (("frozen", 210, 0.791), ("newest", 40, 0.812))
    ]  # fmt: skip
    speed = Check(name="speed", passed=promoted, line="2 -> 40 ms a picture, more than max_slowdown=10 times as long")
    better = Check(name="better", passed=True, line="better: macro-F1 0.700 -> 0.800")
    return Decision(
        promoted=promoted, reason=f"{speed.line}; {better.line}", champion_version=3, champion_macro_f1=0.7,
        challenger_macro_f1=0.8, difference_low=0.02, difference_high=0.15, slices=slices, checks=[speed, better],
    )  # fmt: skip


@pytest.fixture
def promoted_report(trained_report: Callable[..., Report]) -> Callable[..., Report]:
    """Builder of the report of a refusal; keyword arguments change the part."""

    def make(**changes: Any) -> Report:
        part = {"model_version": 4, "before": 3, "after": 3, "how": "judged", "who": "ada", "why": "", "decision": None}
        report = trained_report(training=None, promotion=PromotionPart(**part | changes))
        return report.model_copy(update={"flow": "promote"})

    return make


def test_a_refusal_shows_every_condition_and_slice(
    page: Callable[[str], Any], promoted_report: Callable[..., Report]
) -> None:
    report = promoted_report(decision=decided())
    read = page(to_html(report))
    assert read.problems == []
    assert "speed no 2 -> 40 ms a picture, more than" in read.text and "better yes better: macro-F1 0.700" in read.text
    assert "frozen 210 pictures 0.700 0.791 +0.010 to +0.200 newest 40 pictures 0.700 0.812" in read.text
    assert "new: version 4 0.800 champion: version 3 0.700" in read.text
    assert title(report) == "Promotion of 21 November 2026: model 4 not promoted"
    assert verdict(report) == ("note", "Not promoted", "Champion 3 stays.")
    assert "gate: 2 -&gt; 40 ms a picture" in to_markdown(report)
    assert as_object(report, "")["promoted"] is False


def test_the_gate_of_a_training_shows_the_same(
    page: Callable[[str], Any], training_part: Callable[..., Any], trained_report: Callable[..., Report]
) -> None:
    part = training_part().model_copy(update={"decision": decided()})
    text = page(to_html(trained_report(training=part))).text
    assert "The gate: not promoted" in text and "speed no 2 -> 40 ms a picture" in text


@pytest.mark.parametrize(
    ("how", "word", "said"),
    [
        ("judged", "Promoted", "model 4 promoted"),
        ("forced", "Forced", "model 4 promoted by force"),
        ("rolled back", "Rolled back", "model 4 champion again"),
    ],
)
def test_who_moved_the_champion_and_why(
    how: str, word: str, said: str, page: Callable[[str], Any], promoted_report: Callable[..., Report]
) -> None:
    report = promoted_report(after=4, how=how, why="3 sees ghosts", notes=["MLflow does not answer"])
    text = page(to_html(report)).text
    assert all(
        words in text
        for words in (said.capitalize(), "version 4, before it version 3", "ada", "3 sees ghosts", "MLflow")
    )
    assert verdict(report).word == word
    lines = as_lines(report, "")
    assert f"  {said} by ada; the champion is 4, before it 3" in lines and "  why: 3 sees ghosts" in lines


def test_words_of_people_are_never_obeyed(page: Callable[[str], Any], promoted_report: Callable[..., Report]) -> None:
    report = promoted_report(after=4, how="forced", who=PAYLOAD, why=PAYLOAD, notes=[PAYLOAD])
    read = page(to_html(report))
    assert read.problems == [] and PAYLOAD in read.text
    assert [image for image in read.all("img") if image.get("onerror")] == []
