"""The first lines of a report."""

from collections.abc import Callable

import pytest

from nightsort.reports.data import IntakePart, Report, TrainingPart
from nightsort.reports.headline import title, verdict
from nightsort.tally import Tally


def test_titles_in_plain_words(
    classified_report: Callable[..., Report],
    ingested_report: Callable[..., Report],
    trained_report: Callable[..., Report],
) -> None:
    assert title(classified_report()) == "Night of 21 November 2026: 312 pictures classified, 4 set aside"
    assert title(ingested_report()) == "Ingest of 21 November 2026: 2,702 pictures ingested, 4 set aside"
    assert title(trained_report()).startswith("Training of 21 November 2026: model 4 promoted, macro-F1 0.")


@pytest.mark.parametrize("state", ["failed", "skipped"])
def test_a_run_that_did_not_complete_is_not_headed_by_figures(
    state: str, classified_report: Callable[..., Report]
) -> None:
    report = classified_report(state=state, message="why")
    assert title(report) == f"Night of 21 November 2026: {state}"
    assert verdict(report).word.lower() == state


def test_a_run_that_does_not_balance_says_so(classified_report: Callable[..., Report]) -> None:
    report = classified_report(intake=IntakePart(source="s", tally=Tally(discovered=10, done=9)))
    assert verdict(report).tone == "bad"
    assert verdict(report).word == "Does not balance"


def test_nothing_new_is_a_good_end(
    classified_report: Callable[..., Report], intake_part: Callable[..., IntakePart]
) -> None:
    report = classified_report(intake=intake_part(0, 0, 0, 0, 320), classify=None)
    assert verdict(report) == ("good", "Nothing new", "320 discovered files, none new and ready.")


def test_not_promoted_is_said(
    trained_report: Callable[..., Report], training_part: Callable[..., TrainingPart]
) -> None:
    report = trained_report(training=training_part(promoted=False))
    assert verdict(report).word == "Not promoted" and "not promoted" in title(report)


def test_abstentions_are_in_the_verdict(classified_report: Callable[..., Report]) -> None:
    assert "8 of 312 are too uncertain" in verdict(classified_report()).line
