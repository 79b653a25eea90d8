"""The section on new labels: named, bounded, inert; absent where nothing arrived."""

from collections.abc import Callable
from typing import Any

import pytest

from nightsort.reports import summary
from nightsort.reports.data import Report
from nightsort.reports.render import to_html, to_markdown
from nightsort.reports.shown import Thumbnail
from nightsort.reports.suspected import MAX_SUSPECTS, SuspicionPart, gist


@pytest.fixture
def report(trained_report: Callable[..., Report]) -> Report:
    """A training whose new labels are too odd."""
    report = trained_report()
    suspects = [
        Thumbnail(path=f"/new/crack/{i}.png", label="crack", runner_up="bolt", confidence=0.97, image="")
        for i in range(3)
    ]
    report.suspicion = SuspicionPart(
        arrived=400, looked_at=400, contradicting=36, expected=0.01, wrong=0.1, suspects=suspects, veto="too many"
    )
    return report


def test_suspects_are_named(page: Callable[[str], Any], report: Report) -> None:
    read = page(to_html(report))
    assert read.problems == [] and {"href": "#suspicion"} in read.all("a")
    assert "too odd to trust" in read.text and "too many." in read.text
    assert "crack as given seen as bolt 97.0% 2.png" in read.text
    text = to_markdown(report)
    assert "too many" in text and "- /new/crack/2.png: given as crack, seen as bolt" in text
    assert any("it denies 36 (9.0%)" in line for line in summary.as_lines(report, ""))
    assert summary.as_object(report, "")["labels_contradicting"] == 36


def test_without_arrivals_there_is_no_section(trained_report: Callable[..., Report]) -> None:
    assert "suspicion" not in page_of(trained_report()) and "arrived since" not in to_markdown(trained_report())


def page_of(report: Report) -> str:
    """What lies in the body of the page."""
    return to_html(report).partition("<body>")[2]


def test_foreign_text_is_inert_and_the_section_bounded(page: Callable[[str], Any], report: Report) -> None:
    assert report.suspicion
    hostile = "<img src=x onerror=alert(1)>|*x*" * 20
    odd = Thumbnail(path=hostile, label=hostile, runner_up=hostile, note=hostile, image="javascript:alert(1)")
    report.suspicion.suspects = [odd] * 500
    report.suspicion.veto, report.suspicion.notes = hostile, [hostile]
    html = to_html(report)
    read = page(html)
    assert read.problems == [] and not [image for image in read.all("img") if "onerror" in image]
    section = html[html.index('<section id="suspicion"') :].partition("</section>")[0]
    assert section.count("<figure>") == MAX_SUSPECTS
    assert "<img" not in to_markdown(report)


def test_the_figures_in_a_sentence() -> None:
    part = SuspicionPart(arrived=20_000, looked_at=10_000, contradicting=0, expected=0.0)
    assert gist(part).startswith("Of 10,000 of 20,000 labels that arrived since the champion's, it denies 0 (0%)")
    assert gist(SuspicionPart(arrived=0, contradicting=0, expected=0.0)).startswith("No label arrived")
