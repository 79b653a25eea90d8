"""The renderings: every kind of report, inert text, bounded lists, one self-contained file."""

import base64
import hashlib
import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from nightsort.reports.data import IntakePart, Report, Setaside
from nightsort.reports.learned import TrainingPart
from nightsort.reports.render import to_html, to_markdown
from nightsort.reports.shown import ClassCount

PAYLOADS = [
    "<script>alert(1)</script>.jpg",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "{{ 7777 * 7777 }}",
    "</style><script>document.title='owned'</script>",
    "\u202egpj.\x1b[31m\x00",
]


@pytest.fixture
def retrained_report(
    ingested_report: Callable[..., Report], training_part: Callable[..., TrainingPart]
) -> Callable[..., Report]:
    """Builder of a retraining's report, which has an intake, a dataset and a training."""
    return lambda: ingested_report(training=training_part()).model_copy(update={"flow": "retrain"})


@pytest.fixture(params=["classified", "ingested", "full_ingest", "trained", "retrained", "audited", "augmented"])
def report(request: pytest.FixtureRequest) -> Report:
    """One report of each kind."""
    return request.getfixturevalue(f"{request.param}_report")()


def test_every_kind_is_well_formed_and_labelled(page: Callable[[str], Any], report: Report) -> None:
    read = page(to_html(report))
    assert read.problems == []
    identifiers = [attributes["id"] for _, attributes in read.elements if "id" in attributes]
    assert len(identifiers) == len(set(identifiers))
    targets = [link["href"] for link in read.all("a") if link["href"] != "../index.html"]
    targets += ["#" + str(a["aria-labelledby"]) for _, a in read.elements if "aria-labelledby" in a]
    assert targets and {str(target)[1:] for target in targets} <= set(identifiers)
    assert len(read.all("caption")) == len(read.all("table")) > 0
    assert all(attributes.get("scope") in ("col", "row") for attributes in read.all("th"))
    assert all("alt" in attributes for attributes in read.all("img"))


def test_the_page_loads_and_runs_nothing(page: Callable[[str], Any], report: Report) -> None:
    read = page(to_html(report))
    policies = [meta["content"] for meta in read.all("meta") if meta.get("http-equiv") == "Content-Security-Policy"]
    script = re.findall(r"<script>(.*?)</script>", to_html(report), re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script[0].encode()).digest()).decode()
    assert policies == [
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
        f"script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    ]
    addresses = [v for _, a in read.elements for k, v in a.items() if k in ("src", "srcset", "href")]
    assert all(str(address).startswith(("data:", "#")) or address == "../index.html" for address in addresses)
    assert read.all("script") == [{}] and len(script) == 1
    assert "url(" not in to_html(report)


def test_the_same_report_gives_the_same_page(report: Report) -> None:
    assert to_html(report) == to_html(report)


def test_the_night_says_what_happened(page: Callable[[str], Any], classified_report: Callable[..., Report]) -> None:
    text = page(to_html(classified_report())).text
    assert "320 discovered = 312 classified + 4 quarantined + 3 duplicate + 1 deferred + 0 skipped" in text
    assert "the picture ends before its end marker" in text
    assert "same_bytes 3 another file with the same bytes has an outcome" in text
    assert "bolt 101 32.4% 29.4%" in text
    assert "For 8 pictures of 312 (2.6%) the model abstained" in text and "below 50%" in text
    assert "21 November 2026, 02:00:00 UTC, took 1 min 13 s" in text
    assert "scheduler empty" in text


def test_the_training_shows_its_figures(page: Callable[[str], Any], trained_report: Callable[..., Report]) -> None:
    report = trained_report()
    scores, text = report.training.scores, page(to_html(report)).text
    first = scores.classes[0]
    assert f"{scores.accuracy:.1%} accuracy" in text and f"{scores.macro_f1:.3f} macro-F1" in text
    assert f"{first.label} {first.f1:.3f} {first.precision:.3f} {first.recall:.3f} {first.support}" in text
    assert f"{first.label} {' '.join(map(str, scores.confusion[0]))}" in text
    assert "Difference to the champion between +0.006 and +0.037" in text
    assert all(note in text for note in report.training.notes)


def test_the_first_champion_has_no_rival(page: Callable[[str], Any], trained_report: Callable[..., Report]) -> None:
    report = trained_report()
    decision = report.training.decision.model_copy(
        update=dict.fromkeys(("champion_version", "champion_macro_f1", "difference_low", "difference_high"))
    )
    report.training.decision = decision
    text = page(to_html(report)).text
    assert "champion: none yet –" in text and "Difference to the champion" not in text


def test_the_ingest_shows_classes_by_split(page: Callable[[str], Any], ingested_report: Callable[..., Report]) -> None:
    report = ingested_report()
    row, text = report.ingest.classes[0], page(to_html(report)).text
    assert f"{row.label} {row.train} {row.validation} {row.test} {row.total}" in text
    assert f"{sum(c.total for c in report.ingest.classes):,} labelled pictures" in text and "20:1" in text


@pytest.mark.parametrize("state", ["failed", "skipped"])
def test_the_message_of_a_run_that_did_not_complete(
    page: Callable[[str], Any], state: str, classified_report: Callable[..., Report]
) -> None:
    report = classified_report(state=state, message="the lease is held by <worker-7>", intake=None, classify=None)
    assert "the lease is held by <worker-7>" in page(to_html(report)).text
    assert "the lease is held by &lt;worker-7&gt;" in to_markdown(report)


def test_a_run_that_does_not_balance_cannot_be_overlooked(
    page: Callable[[str], Any], classified_report: Callable[..., Report]
) -> None:
    report = classified_report()
    report.intake.tally = report.intake.tally.model_copy(update={"discovered": 321})
    assert page(to_html(report)).text.count("Does not balance") == 2
    assert "Does not balance" in to_markdown(report)


def poisoned(report: Report, payload: str) -> Report:
    """The same report with the payload wherever text of others can stand."""
    report.message = report.storage = payload
    report.parameters = {payload: payload}
    report.seconds = {payload: 1.0}
    report.intake.source = payload
    report.intake.reasons = {payload: 4}
    report.intake.quarantined = [Setaside(path=payload, reason=payload, detail=payload)]
    report.classify.predicted = [ClassCount(label=payload, total=312)]
    report.classify.training_share = {payload: 1.0}
    for thumbnail in report.classify.least_certain:
        thumbnail.path = thumbnail.label = thumbnail.runner_up = payload
    return report


@pytest.mark.parametrize("payload", PAYLOADS)
def test_text_of_others_never_becomes_markup(
    page: Callable[[str], Any],
    payload: str,
    classified_report: Callable[..., Report],
    ingested_report: Callable[..., Report],
    training_part: Callable[..., TrainingPart],
) -> None:
    clean = classified_report(ingest=ingested_report().ingest, training=training_part())
    dirty = poisoned(clean.model_copy(deep=True), payload)
    dirty.ingest.classes[0].label = payload
    part = dirty.training
    part.model = part.balance = part.decision.reason = part.before[0].label = part.after[0].label = payload
    part.scores.classes[0].label = payload
    part.notes = [payload]
    html = to_html(dirty)
    read = page(html)
    assert read.problems == [] and read.all("script") == [{}]  # the page's own
    assert not any(name.startswith("on") for _, attributes in read.elements for name in attributes)
    assert len(read.all("img")) == len(page(to_html(clean)).all("img"))
    assert "60481729" not in read.text
    html.encode("utf-8")
    assert not any(ord(c) < 32 and c not in "\n\t" for c in html) and "\u202e" not in html


def test_the_payload_is_shown_as_it_was_written(
    page: Callable[[str], Any], classified_report: Callable[..., Report]
) -> None:
    read = page(to_html(poisoned(classified_report(), PAYLOADS[0])))
    assert read.text.count("<script>alert(1)</script>.jpg") >= 8


def test_an_image_that_is_not_ours_is_not_shown(
    page: Callable[[str], Any], classified_report: Callable[..., Report]
) -> None:
    report = classified_report()
    for thumbnail in report.classify.least_certain:
        thumbnail.image = "https://example.org/x.png"
    read = page(to_html(report))
    assert read.all("img") == [] and read.text.count("no preview") == 24


def test_quarantine_is_bounded_and_counts_the_rest(
    page: Callable[[str], Any], classified_report: Callable[..., Report], intake_part: Callable[..., IntakePart]
) -> None:
    read = page(to_html(classified_report(intake=intake_part(quarantined=237))))
    assert read.text.count("without an end marker") == 200
    assert "… and 37 more" in read.text


def test_many_classes_stay_bounded(
    page: Callable[[str], Any], classified_report: Callable[..., Report], training_part: Callable[..., TrainingPart]
) -> None:
    labels = [f"class_{i:04d}" for i in range(300)]
    report = classified_report(training=training_part(labels, [5] * 300))
    report.classify.predicted = [ClassCount(label=label, total=300 - i) for i, label in enumerate(labels)]
    html = to_html(report)
    text = page(html).text
    assert text.count("… and 240 classes more") == 2 and "class_0299 1 " in text
    assert "280 others are one row and column" in text
    assert len(html) < 1_000_000
    assert len(to_markdown(report)) < 5_000


def test_a_page_with_24_thumbnails_is_under_five_megabytes(
    page: Callable[[str], Any], classified_report: Callable[..., Report]
) -> None:
    html = to_html(classified_report())
    assert len(page(html).all("img")) == 23  # one of the 24 could not be read
    assert len(html.encode()) < 5_000_000


def test_json_carries_all_that_the_page_shows(report: Report) -> None:
    again = Report.model_validate(json.loads(report.model_dump_json()))
    assert to_html(again) == to_html(report)


def test_markdown_is_short_and_its_tables_hold(classified_report: Callable[..., Report]) -> None:
    report = poisoned(classified_report(), "a|b`c`\nd [x](http://y) <b>")
    text = to_markdown(report, "/srv/report.html")
    rows = [line for line in text.splitlines() if line.startswith("|")]
    widths = {len(re.findall(r"(?<!\\)\|", row)) - 1 for row in rows}
    assert widths == {3, 4}
    assert "| classified | 312 | 97.5% |" in rows
    assert r"a\|b\`c\` d \[x\](http\://y) &lt;b&gt;" in text
    assert "Full report: /srv/report.html" in text and len(text) < 3_000


def test_markdown_of_a_training(trained_report: Callable[..., Report]) -> None:
    report = trained_report()
    text = to_markdown(report)
    assert f"| macro-F1 | {report.training.scores.macro_f1:.3f} |" in text
    assert "Model 4 promoted: macro-F1 rose by 0.021" in text and "Full report" not in text
