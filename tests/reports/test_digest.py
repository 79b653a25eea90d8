"""The digest of a report: small, made once, and never what breaks a night."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nightsort.drift.findings import Drift, Finding
from nightsort.errors import StorageError
from nightsort.reports import digest
from nightsort.reports.data import Report
from nightsort.reports.shown import ClassCount
from nightsort.storage import Storage

Builder = Callable[..., Report]


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return Storage(str(tmp_path))


def finding(name: str, drifted: bool) -> Finding:
    return Finding(
        family="quality", name=name, test="Kolmogorov-Smirnov", pictures=300, reference=500, effect=0.4, scale="PSI",
        least=0.2, p_value=0.001, adjusted=0.01, drifted=drifted,
    )  # fmt: skip


def keep(storage: Storage, report: Report) -> None:
    """A report as an older version of Nightsort left it."""
    storage.write_bytes(f"reports/{report.run_id}/report.json", report.model_dump_json().encode())


def test_a_night_in_brief(classified_report: Builder) -> None:
    report = classified_report()
    found = finding("brightness", drifted=True), finding("contrast", drifted=False)
    report.drift = Drift(model_version=3, alpha=0.01, pictures=300, findings=list(found))
    assert report.classify and report.intake
    made = digest.of(report)
    assert (made.run_id, made.flow, made.source) == (report.run_id, "classify", report.intake.source)
    assert made.predicted == {row.label: row.total for row in report.classify.predicted}
    assert (made.abstained, made.model_version) == (report.classify.abstained, report.classify.model_version)
    assert (made.tally, made.reasons, made.drifted) == (report.intake.tally, report.intake.reasons, ["brightness"])
    assert made.promoted is None


@pytest.mark.parametrize("promoted", [True, False])
def test_a_training_says_what_the_gate_said(trained_report: Builder, training_part: Any, promoted: bool) -> None:
    made = digest.of(trained_report(training=training_part(promoted=promoted)))
    assert (made.promoted, made.model_version, made.dataset_version) == (promoted, 4, 2)
    assert made.reason.startswith("macro-F1 rose")


def test_it_is_bounded_and_keeps_the_most_predicted(classified_report: Builder) -> None:
    report = classified_report()
    assert report.classify and report.intake
    report.classify.predicted = [ClassCount(label=f"class {i}", total=i) for i in range(3000)]
    report.intake.source = "x" * 10_000
    made = digest.of(report)
    assert len(made.predicted) == digest.MAX_CLASSES and min(made.predicted.values()) == 2000
    assert len(made.model_dump_json()) < 50_000


def test_what_is_read_is_what_was_written(storage: Storage, classified_report: Builder) -> None:
    made = digest.of(classified_report())
    digest.write(storage, made)
    assert digest.recent(storage, 5) == [made] == [digest.of_run(storage, made.run_id)]


def test_recent_is_newest_first_by_flow_and_before_a_run(
    storage: Storage, classified_report: Builder, ingested_report: Builder
) -> None:
    for day in (3, 1, 2, 4):
        digest.write(storage, digest.of(classified_report(run_id=f"2026110{day}T020000Z-classify-a{9 - day}")))
    digest.write(storage, digest.of(ingested_report(run_id="20261109T020000Z-ingest-00")))
    storage.write_bytes("reports/index.html", b"")
    assert [made.run_id[:8] for made in digest.recent(storage, 9)] == [
        "20261109", "20261104", "20261103", "20261102", "20261101",
    ]  # fmt: skip
    earlier = digest.recent(storage, 2, flow="classify", before="20261104T020000Z-classify-a5")
    assert [made.run_id[:8] for made in earlier] == ["20261103", "20261102"]


def test_an_older_report_gets_its_digest_once(storage: Storage, classified_report: Builder) -> None:
    report = classified_report()
    keep(storage, report)
    assert digest.recent(storage, 1) == [digest.of(report)]
    storage.remove(f"reports/{report.run_id}/report.json")
    assert digest.recent(storage, 1) == [digest.of(report)]


def test_a_damaged_digest_is_made_again(storage: Storage, classified_report: Builder) -> None:
    report = classified_report()
    keep(storage, report)
    storage.write_bytes(f"reports/{report.run_id}/digest.json", b'{"run_id": ')
    assert digest.recent(storage, 1) == [digest.of(report)]


def test_what_cannot_be_read_is_left_out_with_a_note(storage: Storage, classified_report: Builder) -> None:
    good, bad = classified_report(), "20261130T020000Z-classify-ffff"
    digest.write(storage, digest.of(good))
    storage.write_bytes(f"reports/{bad}/report.json", b"\xff")
    storage.write_bytes("reports/20261201T020000Z-classify-0000/report.html", b"its run has not ended")
    notes: list[str] = []
    assert [made.run_id for made in digest.recent(storage, 9, notes=notes)] == [good.run_id]
    assert len(notes) == 1 and bad in notes[0]
    with pytest.raises(StorageError, match=bad):
        digest.of_run(storage, bad)
