"""The section on robustness: every figure once, stronger colour where more is lost, inert text, bounded."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from nightsort.evaluation.scores import Corruption, Robustness
from nightsort.reports import robust
from nightsort.reports.data import Report
from nightsort.reports.learned import TrainingPart
from nightsort.reports.render import to_html, to_markdown

SEVERITIES = ["1", "2", "3", "4", "5"]
NAMES = [
    "Gaussian noise", "shot noise", "impulse noise", "defocus blur", "glass blur", "motion blur", "zoom blur", "snow",
    "frost", "fog", "brightness", "contrast", "elastic", "pixelate", "JPEG",
]  # fmt: skip


def robustness() -> Robustness:
    """A model of 90% that loses from 1 to 75 points, and all of it under PGD."""
    rows = [
        Corruption(name=name, strengths=SEVERITIES, accuracy=[0.9 - 0.01 * (i + 1) * (s + 1) for s in range(5)])
        for i, name in enumerate(NAMES)
    ]
    rows.append(Corruption(name="occlusion", strengths=["5%", "50%"], accuracy=[0.88, 0.412]))
    rows.append(Corruption(name="PGD", strengths=["1/255", "8/255"], accuracy=[0.301, 0.0]))
    return Robustness(
        pictures=500, of=1_204, clean_accuracy=0.9, mean_corruption_accuracy=0.66, rows=rows, notes=["frost is drawn"]
    )


@pytest.fixture
def report(trained_report: Callable[..., Report], training_part: Callable[..., TrainingPart]) -> Report:
    """A training whose robustness was measured."""
    return trained_report(training=training_part().model_copy(update={"robustness": robustness()}))


def test_the_section_shows_every_figure(page: Callable[[str], Any], report: Report) -> None:
    read = page(to_html(report))
    assert read.problems == []
    assert "Accuracy on 500 test pictures that stand for all 1,204" in read.text
    assert "66.0% on average under 15 corruptions, 90.0% on the same pictures as they are" in read.text
    assert "Gaussian noise 89.0% 88.0% 87.0% 86.0% 85.0% 87.0%" in read.text
    assert "JPEG 75.0% 60.0% 45.0% 30.0% 15.0% 45.0%" in read.text
    assert re.search(r"occlusion 88.0% ?5% 41.2% ?50%", read.text)
    assert re.search(r"PGD 30.1% ?1/255 0% ?8/255", read.text)
    assert "frost is drawn" in read.text
    assert "#robustness" in [link["href"] for link in read.all("a")]


def test_the_colour_is_the_share_of_the_accuracy_that_is_lost() -> None:
    part = robustness()
    last = robust.corrupted(part)[-1].cells[-1]
    assert last.shade == pytest.approx(0.75 / 0.9)
    assert [cell.shade for cell in robust.otherwise(part)[1].cells] == pytest.approx([1 - 0.301 / 0.9, 1.0])
    better = Corruption(name="contrast", strengths=SEVERITIES, accuracy=[0.95] * 5)
    part.rows = [better]
    assert [cell.shade for cell in robust.corrupted(part)[0].cells] == [0.0] * 5


def test_markdown_has_one_line(report: Report) -> None:
    line = next(line for line in to_markdown(report).splitlines() if line.startswith("Robustness"))
    assert line == (
        "Robustness: mean accuracy 66.0% under 15 corruptions, 90.0% without; worst under JPEG: 45.0%; "
        "occlusion of 50%: 41.2%; PGD of 8/255: 0%."
    )


def test_a_model_that_answers_nothing_right_has_a_section_too(page: Callable[[str], Any], report: Report) -> None:
    assert report.training and report.training.robustness
    part = report.training.robustness
    part.clean_accuracy = 0.0
    for row in part.rows:
        row.accuracy = [0.0] * len(row.strengths)
    assert page(to_html(report)).problems == []
    part.rows, part.notes = [], ["the test split holds no picture"]
    read = page(to_html(report))
    assert read.problems == [] and "the test split holds no picture" in read.text
    assert "Robustness: not measured." in to_markdown(report)


def test_foreign_text_is_inert_and_the_section_bounded(page: Callable[[str], Any], report: Report) -> None:
    assert report.training and report.training.robustness
    part = report.training.robustness
    hostile = Corruption(name="<img src=x onerror=alert(1)>|*x*" * 20, strengths=["<b>"] * 99, accuracy=[0.5] * 99)
    part.rows = [*part.rows, *[hostile] * 500]
    part.notes = ["<script>alert(1)</script>" * 100] * 500
    html = to_html(report)
    read = page(html)
    assert read.problems == []
    assert not [attributes for attributes in read.all("img") if "onerror" in attributes] and read.all("script") == [{}]
    section = html[html.index('<section id="robustness"') :].partition("</section>")[0]
    assert section.count("<tr>") == robust.MAX_ROWS + 1 and len(section) < 60_000
    assert "<img" not in to_markdown(report)


def test_without_a_measurement_there_is_no_section(trained_report: Callable[..., Report]) -> None:
    assert "robustness" not in to_html(trained_report()) and "Robustness" not in to_markdown(trained_report())
