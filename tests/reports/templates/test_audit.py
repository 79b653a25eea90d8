"""The page of an audit: the leak table, and the galleries of what a person should look at."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from nightsort.reports import data
from nightsort.reports.data import AuditPart, Report
from nightsort.reports.render import to_html, to_markdown
from nightsort.reports.shown import MAX_THUMBNAILS
from nightsort.reports.thumbnails import data_uri

PAYLOADS = ["<script>alert(1)</script>", "' onmouseover='alert(1)", "{{ 7777 * 7777 }}"]


def test_ways_of_splitting_stand_beside_each_other(
    page: Callable[[str], Any], audited_report: Callable[..., Report]
) -> None:
    text = page(to_html(audited_report())).text
    assert "random split perceptual hash 62 800 7.8% dataset split perceptual hash 0 800 0%" in text
    assert "random split embedding 80 800 10.0% dataset split embedding 14 800 1.8%" in text
    assert "class_0 1 1 1 1" in text and "at most 60 classes" in text
    assert "version 7, embeddings of model 3" in text


def test_galleries_say_why_a_picture_is_shown(
    page: Callable[[str], Any], audited_report: Callable[..., Report]
) -> None:
    read = page(to_html(audited_report()))
    assert "31 outliers" in read.text and "class_1 9.4 frame_00001.jpg" in read.text and "… and 7 more" in read.text
    assert "Suspected wrong labels: 44" in read.text and "class_1 3.1% rather other frame_00001.jpg" in read.text
    assert len(read.all("img")) == 4 * data.MAX_TWINS + 2 * MAX_THUMBNAILS


def test_pairs_that_the_dataset_tears_apart_come_with_what_to_do(
    page: Callable[[str], Any], audited_report: Callable[..., Report]
) -> None:
    report = audited_report()
    text = page(to_html(report)).text
    assert text.index("Pairs that the dataset's split tears apart") < text.index("Pairs that a random split would")
    assert "--group-by" in text
    report.audit.torn = []
    assert "--group-by" not in page(to_html(report)).text


@pytest.mark.parametrize(("issues", "words"), [(None, "Not looked for in this run"), (0, "every label is one that")])
def test_not_looked_for_is_not_none_found(
    page: Callable[[str], Any], issues: int | None, words: str, audited_report: Callable[..., Report]
) -> None:
    report = audited_report()
    report.audit = AuditPart(dataset_version=7, embedding="model 3", leaks=[], label_issues=issues)
    text = page(to_html(report)).text
    assert words in text and "No leaks were looked for" in text and "No picture lies far" in text


def test_the_largest_page_is_under_five_megabytes(audited_report: Callable[..., Report]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (112, 112, 3), dtype=np.uint8)
    assert len(to_html(audited_report(image=data_uri(noise))).encode()) < 5_000_000


@pytest.mark.parametrize("payload", PAYLOADS)
def test_text_of_others_never_becomes_markup(
    page: Callable[[str], Any], payload: str, audited_report: Callable[..., Report]
) -> None:
    report = audited_report(classes=5)
    part = report.audit
    part.embedding = payload
    for leak in part.leaks:
        leak.criterion, leak.by_class = payload, {payload: 3}
    for picture in (
        *part.outlying,
        *part.mislabelled,
        *(side for pair in (*part.torn, *part.twins) for side in (pair.left, pair.right)),
    ):
        picture.label = picture.runner_up = picture.path = payload
    for pair in (*part.torn, *part.twins):
        pair.note = payload
    read = page(to_html(report))
    assert read.problems == [] and read.all("script") == [{}] and "60481729" not in read.text
    assert not any(name.startswith("on") for _, attributes in read.elements for name in attributes)
    assert len(read.all("img")) == 4 * data.MAX_TWINS + 2 * MAX_THUMBNAILS


def test_markdown_has_the_leak_table(audited_report: Callable[..., Report]) -> None:
    text = to_markdown(audited_report())
    assert "| dataset split | embedding | 14 | 800 | 1.8% |" in text
    assert "31 outliers; suspected wrong labels: 44." in text and len(text) < 2_000
