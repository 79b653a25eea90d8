"""What a reader sees in half a minute."""

from collections.abc import Callable

from nightsort.drift.findings import Drift, Finding
from nightsort.reports import glance
from nightsort.reports.data import Report
from nightsort.reports.night import NightPart

QUIET = {"previous": "20261120T020000000Z-classify-1a2b", "nights": 3}


def drift(*alarms: str) -> Drift:
    """Drift in the named measures, and none in the contrast."""
    facts = {"family": "quality", "test": "t", "pictures": 9, "reference": 9, "effect": 1, "scale": "PSI", "least": 0.1}
    findings = [
        Finding.model_validate(facts | {"name": name, "p_value": 0, "adjusted": 0, "drifted": name in alarms})
        for name in (*alarms, "contrast")
    ]
    return Drift(model_version=1, alpha=0.01, pictures=9, findings=findings)


def test_a_quiet_night_says_so(classified_report: Callable[..., Report], intake_part: Callable[..., object]) -> None:
    report = classified_report(night=NightPart(**QUIET), drift=drift(), intake=intake_part(quarantined=0, deferred=0))
    report.classify.abstained = 0
    odd, look_at = glance.columns(report)
    assert odd.remarks == look_at.remarks == []
    assert odd.nothing == "Nothing: no drift, no change since the run before."


def test_a_run_that_found_nothing_new_says_so(
    classified_report: Callable[..., Report], intake_part: Callable[..., object]
) -> None:
    report = classified_report(night=NightPart(**QUIET), intake=intake_part(done=0, quarantined=0, skipped=9))
    report.intake.reasons = {"known": 9}
    odd, _ = glance.columns(report)
    assert odd.remarks == [] and odd.nothing == "Nothing: every picture had its outcome before."


def test_the_first_night_claims_nothing(classified_report: Callable[..., Report]) -> None:
    odd, _ = glance.columns(classified_report(night=NightPart()))
    assert odd.remarks == [] and "held against yet" in odd.nothing


def test_what_is_odd_is_named_and_leads_to_where_it_is_shown(classified_report: Callable[..., Report]) -> None:
    night = NightPart(**QUIET, changes=[f"change {i}" for i in range(5)], appeared=["fray"], vanished=list("abcd"))
    odd, look_at = glance.columns(classified_report(night=night, drift=drift("sharpness", "brightness")))
    assert [(remark.text, remark.anchor) for remark in odd.remarks] == [
        ("Drift in sharpness, brightness.", "drift"),
        ("New class: fray.", "predicted"),
        ("No longer seen: a; b; c and 1 more.", "predicted"),
        ("change 0", "changes"),
        ("change 1", "changes"),
        ("change 2", "changes"),
        ("2 more changes since the run before.", "changes"),
    ]
    assert [(remark.text, remark.anchor) for remark in look_at.remarks] == [
        ("8 pictures that the model did not name.", "uncertain"),
        ("4 files set aside.", "quarantine"),
        ("1 file left for next time, still being written.", "balance"),
    ]
