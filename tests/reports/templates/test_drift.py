"""The part on drift: what drifted, what did not and why it was not looked for; a hostile class name is text."""

from collections.abc import Callable

import pytest

from nightsort.drift.findings import MAX_FINDINGS, Drift, Finding
from nightsort.reports import headline, summary
from nightsort.reports.data import Report
from nightsort.reports.render import to_html, to_markdown


def finding(name: str = "sharpness", drifted: bool = False, **changes: object) -> Finding:
    """One test, of 312 pictures."""
    return Finding.model_validate(
        {
            "family": "quality",
            "name": name,
            "test": "Kolmogorov-Smirnov",
            "pictures": 312,
            "reference": 900,
            "effect": 0.734 if drifted else 0.05,
            "scale": "population stability index",
            "least": 0.2,
            "p_value": 1e-9 if drifted else 0.3,
            "adjusted": 1e-8 if drifted else 0.9,
            "drifted": drifted,
            "note": "median 812 in the reference, 240 in this run",
        }
        | changes
    )


@pytest.fixture
def night(classified_report: Callable[..., Report]) -> Callable[..., Report]:
    """A night with these findings and notes."""

    def make(*findings: Finding, notes: tuple[str, ...] = ()) -> Report:
        drift = Drift(model_version=3, alpha=0.01, pictures=312, findings=list(findings), notes=list(notes))
        return classified_report(drift=drift)

    return make


def test_an_alarm_heads_the_night_and_does_not_fail_it(night: Callable[..., Report]) -> None:
    report = night(finding(drifted=True), finding("contrast"))
    verdict = headline.verdict(report)
    assert (verdict.tone, verdict.word) == ("note", "Drifted")
    assert verdict.line.startswith("In sharpness; ")
    assert summary.as_object(report, "")["drifted"] == ["sharpness"]
    assert "  drift: sharpness" in summary.as_lines(report, "")


def test_a_night_without_alarm_is_as_it_was(night: Callable[..., Report]) -> None:
    report = night(finding(), finding("contrast"))
    assert headline.verdict(report).word == "Balanced"
    assert summary.as_object(report, "")["drifted"] == []
    assert "  no drift in 2 tests against what model 3 was tried on" in summary.as_lines(report, "")


def test_the_page_shows_every_test_and_its_verdict(night: Callable[..., Report]) -> None:
    chance = finding("entropy", effect=0.3, adjusted=0.2)
    html = to_html(night(finding(drifted=True), chance, finding("contrast")))
    part = html[html.index('<section id="drift"') :].split("</section>")[0]
    assert part.count("<tr><th") == 4  # the heading too
    assert [part.count(word) for word in ("<b>drifted</b>", "may be chance", "as before")] == [1, 1, 1]
    assert "median 812 in the reference, 240 in this run" in part
    assert "1e-08" in part and "0.734" in part


def test_what_was_not_tested_says_why(night: Callable[..., Report]) -> None:
    why = "drift was not looked for: model 3 was published before references were kept"
    report = night(notes=(why,))
    assert why in to_html(report) and f"D{why[1:]}" in to_markdown(report)
    assert headline.verdict(report).word == "Balanced"


def test_a_class_with_a_hostile_name_is_text(night: Callable[..., Report]) -> None:
    hostile = finding("predicted mix", True, family="mix", note="<script>alert(1)</script>|`x`: 3% here")
    report = night(hostile)
    part = to_html(report).split('<section id="drift"')[1].split("</section>")[0]
    assert "<script" not in part and "&lt;script&gt;" in part
    assert "<script" not in to_markdown(report)


def test_however_many_findings_the_page_is_bounded(night: Callable[..., Report]) -> None:
    html = to_html(night(*(finding(f"measure {n}", True) for n in range(3 * MAX_FINDINGS))))
    assert f"measure {MAX_FINDINGS - 1}<" in html and f"measure {MAX_FINDINGS}<" not in html
    assert headline.verdict(night(*(finding(f"m{n}", True) for n in range(5)))).line.startswith(
        "In m0, m1, m2 and 2 more;"
    )
