"""The page of an ingest: its sections, what is bounded in them, and that nothing in them is obeyed."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from nightsort.reports import data
from nightsort.reports.data import IngestPart, Report
from nightsort.reports.render import to_html, to_markdown
from nightsort.reports.shown import MAX_THUMBNAILS
from nightsort.reports.thumbnails import data_uri

PAYLOADS = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7777 * 7777 }}",
    "\u202egpj.\x1b[31m\x00",
]
SHOWN = data.MAX_SHEETS * data.MAX_SHEET + 2 * data.MAX_TWINS + MAX_THUMBNAILS


def poisoned(value: Any, payload: str) -> Any:
    """The same data with the payload for every text but the pictures."""
    if isinstance(value, str):
        return value if value.startswith("data:") else payload
    if isinstance(value, dict):
        return {key: poisoned(item, payload) for key, item in value.items()}
    return [poisoned(item, payload) for item in value] if isinstance(value, list) else value


def test_every_part_is_told(page: Callable[[str], Any], full_ingest_report: Callable[..., Report]) -> None:
    text = page(to_html(full_ingest_report())).text
    assert "Balanced 2,702 pictures in 9.3 s, 291/s; every one of 3,914 discovered files is accounted for" in text
    assert "237 pictures withheld, because labels disagree." in text
    assert "3 exact copies" in text and "812 pictures with a near-duplicate" in text and "301 clusters" in text
    assert "the same? the largest cluster has 400 pictures, 14.8% of what came" in text
    assert "class_0 90 new pictures" in text
    assert "Sharpness variance of the Laplacian" in text and "0 to 20, half below 3" in text
    assert "decode 12.1 s 83.4%" in text


def test_only_pairs_of_two_labels_are_marked(
    page: Callable[[str], Any], full_ingest_report: Callable[..., Report]
) -> None:
    report = full_ingest_report()
    two = sum(pair.left.label != pair.right.label for pair in report.ingest.twins)
    assert 0 < two < data.MAX_TWINS
    assert page(to_html(report)).text.count("different labels distance") == two


def test_flagged_pictures_stand_below_their_flag(
    page: Callable[[str], Any], full_ingest_report: Callable[..., Report]
) -> None:
    _, _, text = page(to_html(full_ingest_report())).text.partition("Some of: sharpness < 20")
    first, _, rest = text.partition("Some of: sharpness < 19")
    assert "frame_00004.jpg" in first and "frame_00005.jpg" not in first and "frame_00005.jpg" in rest


def test_classes_beyond_the_bounds_are_counted(
    page: Callable[[str], Any], full_ingest_report: Callable[..., Report]
) -> None:
    read = page(to_html(full_ingest_report(classes=1000)))
    assert "… and 940 classes more" in read.text and "… and 960 classes more" in read.text
    assert "… and 37 more" in read.text and "… and 10 flags more" in read.text
    assert len(read.all("svg")) == 8 and len(read.all("rect")) <= 8 * data.MAX_BARS
    assert len(read.all("img")) == SHOWN


def test_a_few_classes_need_no_curve(page: Callable[[str], Any], full_ingest_report: Callable[..., Report]) -> None:
    read = page(to_html(full_ingest_report(classes=40)))
    assert len(read.all("svg")) == 7 and "classes more" not in read.text


def test_lists_that_are_too_long_are_cut(page: Callable[[str], Any], full_ingest_report: Callable[..., Report]) -> None:
    report = full_ingest_report(classes=30)
    part = report.ingest
    for name in ("sheets", "twins", "flagged", "withheld", "histograms"):
        setattr(part, name, getattr(part, name) * 3)
    part.flags |= {f"rule {i}": 1 for i in range(500)}
    part.stages |= {f"stage {i}": 1.0 for i in range(500)}
    read = page(to_html(report))
    assert len(read.all("img")) == SHOWN and len(read.all("svg")) == 12 and len(read.all("tr")) < 400


def test_the_largest_page_is_under_five_megabytes(full_ingest_report: Callable[..., Report]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (112, 112, 3), dtype=np.uint8)
    report = full_ingest_report(image=data_uri(noise))
    for sheet in report.ingest.sheets:
        sheet.images = [data_uri(noise[:96, :96])] * len(sheet.images)
    assert 2_000_000 < len(to_html(report).encode()) < 5_000_000
    assert len(report.model_dump_json().encode()) < 5_000_000


@pytest.mark.parametrize("payload", PAYLOADS)
def test_text_of_others_never_becomes_markup(
    page: Callable[[str], Any], payload: str, full_ingest_report: Callable[..., Report]
) -> None:
    report = full_ingest_report(classes=30)
    part = poisoned(report.ingest.model_dump(), payload) | {"flags": {payload: 9}, "stages": {payload: 1.0}}
    html = to_html(report.model_copy(update={"ingest": IngestPart.model_validate(part)}))
    read = page(html)
    assert read.problems == [] and read.all("script") == [{}] and len(read.all("img")) == SHOWN
    assert not any(name.startswith("on") for _, attributes in read.elements for name in attributes)
    assert "60481729" not in read.text and "\u202e" not in html and "\x1b" not in html


def test_an_image_that_is_not_ours_is_not_shown(
    page: Callable[[str], Any], full_ingest_report: Callable[..., Report]
) -> None:
    read = page(to_html(full_ingest_report(image="https://example.org/x.png")))
    assert read.all("img") == [] and read.text.count("no preview") == SHOWN


def test_an_ingest_without_pictures_has_no_empty_sections(
    page: Callable[[str], Any], ingested_report: Callable[..., Report]
) -> None:
    read = page(to_html(ingested_report(ingest=IngestPart(dataset_version=1, classes=[]))))
    assert {attributes["id"] for attributes in read.all("section")} >= {"dataset", "duplicates"}
    assert not {attributes["id"] for attributes in read.all("section")} & {"pictures", "quality"}


def test_markdown_has_the_gist(full_ingest_report: Callable[..., Report]) -> None:
    text = to_markdown(full_ingest_report())
    assert "| class\\_0 | 1,001 | 1,001 | 1,001 | 3,004 |" in text and "… and 980 classes more" in text
    assert "812 pictures with a near-duplicate, in 301 clusters; 237 pictures withheld" in text
    assert "**Alike or the same?** the largest cluster has 400 pictures" in text
    assert "| sharpness &lt; 20 | 500 |" in text and len(text) < 5_000
