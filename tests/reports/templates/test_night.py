"""The page of a night: what is odd first, every part shown, inert and bounded at its worst."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from nightsort.reports.data import Report
from nightsort.reports.night import MAX_ASIDE, MAX_BAND, MAX_TRENDS
from nightsort.reports.render import to_html, to_markdown
from nightsort.reports.shown import MAX_THUMBNAILS
from nightsort.reports.thumbnails import data_uri

GREY = data_uri(np.full((1, 1, 3), 128, np.uint8))
LABELS = ["bolt", "nut", "crack", "fray"]
PAYLOADS = [
    "<script>document.title='owned'</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7777 * 7777 }}",
    "\u202egpj.\x1b[31m\x00",
]


@pytest.fixture(scope="module")
def noise() -> str:
    """The largest thumbnail there can be."""
    return data_uri(np.random.default_rng(0).integers(0, 256, (112, 112, 3), np.uint8))


def test_a_night_is_well_formed_and_leads_to_what_it_names(
    page: Callable[[str], Any], watched_report: Callable[..., Report]
) -> None:
    read = page(to_html(watched_report(LABELS, GREY)))
    assert read.problems == []
    identifiers = [attributes["id"] for _, attributes in read.elements if "id" in attributes]
    assert len(identifiers) == len(set(identifiers))
    targets = [str(link["href"]) for link in read.all("a") if str(link["href"]).startswith("#")]
    targets += ["#" + str(a["aria-labelledby"]) for _, a in read.elements if "aria-labelledby" in a]
    assert {target[1:] for target in targets} <= set(identifiers)
    assert read.all("button") == read.all("input") == []  # without script nothing is there that does nothing
    assert len(read.all("svg")) == len(LABELS) and all(svg["aria-label"] for svg in read.all("svg"))


def test_what_is_odd_comes_before_the_figures(
    page: Callable[[str], Any], watched_report: Callable[..., Report]
) -> None:
    text = page(to_html(watched_report(LABELS, GREY))).text
    places = [text.index(words) for words in ("Odd tonight", "New class: bolt; nut", "Where every file went")]
    assert places == sorted(places)
    assert "8 pictures that the model did not name. 4 files set aside." in text
    assert "bolt 12 40.0% 10.0% 8.0%" in text


def test_every_gallery_is_shown_with_its_maps(
    page: Callable[[str], Any], watched_report: Callable[..., Report]
) -> None:
    report = watched_report(LABELS, GREY)
    shown = 2 * MAX_BAND * 3 + MAX_ASIDE * len(report.night.aside) + MAX_THUMBNAILS
    assert len(page(to_html(report)).all("img")) == shown
    report.night.bands[0].pictures[0].activation = "https://example.org/x.jpg"
    assert "example.org" not in to_html(report)


def test_the_first_night_has_no_trends_and_claims_nothing(
    page: Callable[[str], Any], watched_report: Callable[..., Report]
) -> None:
    report = watched_report(LABELS, GREY)
    report.night = report.night.model_copy(update={"previous": "", "nights": 0, "appeared": [], "vanished": []})
    text = page(to_html(report)).text
    assert "there is nothing to hold it against yet" in text and "Usually" not in text


@pytest.mark.parametrize("payload", PAYLOADS)
def test_text_of_others_stays_text(
    page: Callable[[str], Any], payload: str, watched_report: Callable[..., Report]
) -> None:
    html = to_html(watched_report([payload, "plain"], GREY, payload))
    read = page(html)
    assert read.problems == [] and read.all("script") == [{}]
    assert not any(name.startswith("on") for _, attributes in read.elements for name in attributes)
    assert len(read.all("img")) == len(page(to_html(watched_report(["a", "plain"], GREY))).all("img"))
    assert "60481729" not in read.text and "\u202e" not in html and "\x00" not in html


def test_the_worst_night_is_under_five_megabytes(noise: str, watched_report: Callable[..., Report]) -> None:
    labels = [f"{i} {'本' * 10_000}" for i in range(MAX_TRENDS)]
    report = watched_report(labels, noise, "é" * 10_000)
    size = len(to_html(report).encode())
    assert 2_000_000 < size < 5_000_000
    assert len(to_markdown(report)) < 12_000


def test_markdown_has_the_gist(watched_report: Callable[..., Report]) -> None:
    text = to_markdown(watched_report(LABELS, GREY))
    assert "**Odd tonight**" in text and "- New class: bolt; nut." in text
    assert "- 8 pictures that the model did not name." in text
    assert "| bolt | 12 | 40.0% | 10.0% | 8.0% |" in text
