"""The page of an augmentation: before and after, operations, examples."""

from collections.abc import Callable
from typing import Any

from nightsort.reports import data
from nightsort.reports.data import Report
from nightsort.reports.render import to_html, to_markdown


def test_before_and_after_stand_beside_each_other(
    page: Callable[[str], Any], augmented_report: Callable[..., Report]
) -> None:
    read = page(to_html(augmented_report(classes=6)))
    assert "class_0 7 400" in read.text and "class_5 2 400" in read.text
    assert "2,373 pictures made" in read.text and "rotate 700" in read.text
    assert "Filled up 2,373 pictures made of training pictures of 6 classes" in read.text
    assert len(read.all("img")) == data.MAX_SHEETS * data.MAX_SHEET


def test_many_classes_stay_bounded(page: Callable[[str], Any], augmented_report: Callable[..., Report]) -> None:
    report = augmented_report(classes=1000)
    assert "… and 940 classes more" in page(to_html(report)).text
    assert "… and 980 classes more" in to_markdown(report)


def test_nothing_to_do_is_said(page: Callable[[str], Any], augmented_report: Callable[..., Report]) -> None:
    report = augmented_report(classes=6)
    report.augment = report.augment.model_copy(update={"after": report.augment.before, "operations": {}, "sheets": []})
    text = page(to_html(report)).text
    assert "Nothing to do" in text and "Operations" not in text


def test_markdown_has_both_counts(augmented_report: Callable[..., Report]) -> None:
    assert "| class\\_0 | 7 | 400 |" in to_markdown(augmented_report(classes=6))
