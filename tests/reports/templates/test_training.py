"""The page of a training: every figure that was measured, nothing that was not, all of it bounded and inert."""

from collections.abc import Callable
from typing import Any

import pytest

from nightsort.reports import sections
from nightsort.reports.data import Report
from nightsort.reports.learned import MAX_MISTAKES, TrainingPart
from nightsort.reports.render import to_html, to_markdown

PAYLOADS = ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{ 7777 * 7777 }}", "\u202egpj.\x1b[31m"]


@pytest.fixture
def judged_report(
    trained_report: Callable[..., Report], judged_part: Callable[..., TrainingPart]
) -> Callable[..., Report]:
    """Builder of a training's report with every figure."""
    return lambda *arguments, **changes: trained_report(training=judged_part(*arguments, **changes))


def test_every_figure_is_shown(page: Callable[[str], Any], judged_report: Callable[..., Report]) -> None:
    report = judged_report()
    scores, read = report.training.scores, page(to_html(report))
    assert read.problems == []
    text, span = read.text, scores.intervals["macro_f1"]
    assert f"{scores.macro_f1:.3f} macro-F1: mean F1 over classes {span.low:.3f} to {span.high:.3f}" in text
    assert f"{scores.roc_auc:.3f} ROC AUC" in text and "top-5 accuracy" in text and "log loss" in text
    assert "Without a test picture, and so without a figure: washer." in text
    for name, recall in scores.shots.items():
        assert f"{name}: " in text and f"{recall:.3f}" in text
    row = scores.classes[0]
    figures = (row.f1, row.precision, row.recall, row.support, row.roc_auc, row.average_precision)
    assert " ".join(f"{it:.3f}" if isinstance(it, float) else str(it) for it in figures) in text
    assert "Reliability diagram" in to_html(report) and "always abstains" in text
    assert len(read.all("picture")) == 7


def test_mistakes_stand_beside_their_maps(page: Callable[[str], Any], judged_report: Callable[..., Report]) -> None:
    report = judged_report(mistakes=MAX_MISTAKES + 6)
    read = page(to_html(report))
    pictures = [image for image in read.all("img") if str(image["src"]).startswith("data:image/jpeg")]
    assert len(pictures) == 2 * MAX_MISTAKES - 1  # one of them cannot be read
    first = report.training.mistakes[0].picture
    assert f"{first.label} {first.confidence:.1%} in truth {first.runner_up}" in read.text
    assert "frame_00000.jpg" in read.text and "Grad-CAM" in read.text
    assert len(to_html(report).encode()) < 2_000_000


def test_mistakes_without_maps_are_pictures_alone(
    page: Callable[[str], Any], judged_report: Callable[..., Report]
) -> None:
    report = judged_report(mistakes=3)
    for mistake in report.training.mistakes:
        mistake.activation = ""
    read = page(to_html(report))
    assert read.text.count("in truth") == 3 and "Grad-CAM" not in read.text and "no preview" not in read.text


def test_a_classical_model_has_no_epochs(page: Callable[[str], Any], judged_report: Callable[..., Report]) -> None:
    read = page(to_html(judged_report(history=[], best_epoch=0, mistakes=0)))
    assert read.problems == [] and "there are no epochs" in read.text
    assert "#mistakes" not in [link["href"] for link in read.all("a")]
    assert len(read.all("picture")) == 5


def test_an_older_report_shows_what_it_has(page: Callable[[str], Any], trained_report: Callable[..., Report]) -> None:
    read = page(to_html(trained_report()))
    assert "#confidence" not in [link["href"] for link in read.all("a")]
    assert not any(word in read.text for word in ("ROC", "Shots", "log loss", "Ranges are"))


def test_names_are_never_obeyed(page: Callable[[str], Any], judged_report: Callable[..., Report]) -> None:
    report = judged_report([*PAYLOADS, *(f"c{i}" for i in range(8))], mistakes=len(PAYLOADS))
    for mistake, payload in zip(report.training.mistakes, PAYLOADS, strict=True):
        mistake.picture.label = mistake.picture.runner_up = mistake.picture.path = mistake.activation = payload
    read = page(to_html(report))
    assert read.problems == [] and read.all("script") == [{}] and "60481729" not in read.text
    assert not any(name.startswith("on") for _, attributes in read.elements for name in attributes)
    assert all(str(image["src"]).startswith("data:image/") for image in read.all("img"))
    assert "\u202e" not in to_html(report) + to_markdown(report)
    assert "<script" not in to_markdown(report) and "<img" not in to_markdown(report)


def test_hundreds_of_classes_stay_bounded(page: Callable[[str], Any], judged_report: Callable[..., Report]) -> None:
    report = judged_report([f"class_{i:04d}" for i in range(300)], pictures=900, mistakes=0)
    html = to_html(report)
    text = page(html).text
    assert text.count("… and 240 classes more") == 3  # figures, thresholds, distribution
    assert f"{300 - sections.MAX_MATRIX} others are one row and column" in text
    assert len(html) < 1_500_000 and len(to_markdown(report)) < 5_000


def test_markdown_has_the_headline_figures(judged_report: Callable[..., Report]) -> None:
    report = judged_report()
    scores, text = report.training.scores, to_markdown(report)
    span = scores.intervals["macro_f1"]
    assert f"| macro-F1 | {scores.macro_f1:.3f} ({span.low:.3f} to {span.high:.3f}) |" in text
    assert f"| ROC AUC | {scores.roc_auc:.3f} |" in text and "Without a test picture: washer." in text
    assert all(f"with {name} training pictures" in text for name in scores.shots)
