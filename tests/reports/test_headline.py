"""The first lines of a report."""

from collections.abc import Callable

import pytest

from nightsort.reports.data import AuditPart, AugmentPart, IntakePart, Leak, Report
from nightsort.reports.headline import speed, title, verdict
from nightsort.reports.learned import TrainingPart
from nightsort.reports.shown import ClassCount
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


def test_an_ingest_is_headed_by_its_rate(
    ingested_report: Callable[..., Report], intake_part: Callable[..., IntakePart]
) -> None:
    report = ingested_report(intake=intake_part(60_000, 0, 0, 0, 0))
    report.ingest.seconds, report.ingest.disputed = 9.3, 4
    assert verdict(report) == (
        "good",
        "Balanced",
        "60,000 pictures in 9.3 s, 6,450/s; every one of 60,000 discovered files is accounted for; "
        "4 pictures withheld, because labels disagree.",
    )


def test_an_ingest_that_took_nothing_in_claims_no_rate(
    ingested_report: Callable[..., Report], intake_part: Callable[..., IntakePart]
) -> None:
    report = ingested_report(intake=intake_part(0, 3, 0, 0, 0))
    report.ingest.seconds = 0.1
    assert speed(report) == "" and verdict(report).line == "Every one of 3 discovered files is accounted for."


@pytest.mark.parametrize(
    ("ours", "judged"),
    [
        (
            0,
            (
                "good",
                "No leak",
                "None of 840 test pictures has a near-twin in train. Under a random split 62 of 900 would.",
            ),
        ),
        (
            14,
            (
                "note",
                "Leaks",
                "14 of 840 test pictures (1.7%) have a near-twin in train, by embedding. "
                "Under a random split 62 of 900 would.",
            ),
        ),
    ],
)
def test_an_audit_is_judged_by_the_leaks_of_our_own_split(
    ours: int, judged: tuple[str, str, str], ingested_report: Callable[..., Report]
) -> None:
    leaks = [
        Leak(splitting="random", criterion="embedding", test=900, leaking=62),
        Leak(splitting="ours", criterion="embedding", test=840, leaking=ours),
    ]
    part = AuditPart(dataset_version=1, embedding="model 1", leaks=leaks, outliers=1, label_issues=6)
    report = ingested_report(intake=None, ingest=None, audit=part).model_copy(update={"flow": "audit"})
    assert verdict(report) == judged
    assert (
        title(report) == f"Audit of 21 November 2026: {ours} of 840 test pictures leak, 1 outlier, 6 suspected labels"
    )


def test_an_audit_without_leaks_looked_for_is_no_clean_bill(ingested_report: Callable[..., Report]) -> None:
    part = AuditPart(dataset_version=1, embedding="model 1", leaks=[])
    assert verdict(ingested_report(intake=None, ingest=None, audit=part)).tone == "note"


def test_an_augmentation_says_what_it_made(ingested_report: Callable[..., Report]) -> None:
    before, after = ([ClassCount(label="a", total=n), ClassCount(label="b", total=90)] for n in (10, 40))
    part = AugmentPart(dataset_version=2, before=before, after=after, operations={})
    report = ingested_report(intake=None, ingest=None, augment=part).model_copy(update={"flow": "augment"})
    assert title(report) == "Augmentation of 21 November 2026: 30 pictures made"
    assert "30 pictures made of training pictures of 1 class;" in verdict(report).line
    report.augment = part.model_copy(update={"after": before})
    assert verdict(report).word == "Nothing to do"
