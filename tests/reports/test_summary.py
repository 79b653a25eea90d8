"""A few lines for a person and one object for a program, which say the same."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from nightsort.config.catalogue import PARAMS
from nightsort.reports.data import AuditPart, AugmentPart, Leak, Report
from nightsort.reports.shown import ClassCount
from nightsort.reports.summary import as_lines, as_object

PLACE = "/srv/reports/run/report.html"


@pytest.fixture(params=["classified_report", "ingested_report", "trained_report"])
def report(request: pytest.FixtureRequest) -> Report:
    build: Callable[..., Report] = request.getfixturevalue(request.param)
    return build()


def test_the_object_is_flat_and_is_json(report: Report) -> None:
    summary = as_object(report, PLACE)
    assert json.loads(json.dumps(summary)) == summary
    assert not any(isinstance(value, dict | list) for value in summary.values())
    assert (summary["run_id"], summary["flow"], summary["state"]) == (report.run_id, report.flow, "completed")
    assert summary["report"] == PLACE


@pytest.mark.parametrize("flow", PARAMS)
def test_an_intake_of_any_flow_has_its_counts_in_lines_and_object(
    flow: str, classified_report: Callable[..., Report]
) -> None:
    report = classified_report(classify=None).model_copy(update={"flow": flow})
    assert report.intake
    tally, summary, text = report.intake.tally, as_object(report, PLACE), "\n".join(as_lines(report, PLACE))
    done = "classified" if flow == "classify" else "ingested"
    assert "done" not in summary and summary[done] == tally.done and f"{tally.done:,} {done}" in text
    for name in ("quarantined", "duplicate", "deferred", "skipped"):
        assert summary[name] == getattr(tally, name) and f"{summary[name]:,} {name}" in text
    assert summary["discovered"] == tally.discovered and f"{tally.discovered:,} discovered = " in text
    assert summary["balanced"] is True
    for reason, count in report.intake.reasons.items():
        assert f"{reason} {count}" in text


def test_an_unbalanced_run_says_so(classified_report: Callable[..., Report], intake_part: Callable[..., Any]) -> None:
    part = intake_part()
    lost = part.model_copy(update={"tally": part.tally.model_copy(update={"done": part.tally.done - 1})})
    assert as_object(classified_report(intake=lost), PLACE)["balanced"] is False


def test_a_training_says_who_won_and_by_what(trained_report: Callable[..., Report]) -> None:
    report = trained_report()
    assert report.training
    summary, text = as_object(report, PLACE), "\n".join(as_lines(report, PLACE))
    assert (summary["promoted"], summary["reason"]) == (True, report.training.decision.reason)
    assert summary["macro_f1"] == report.training.scores.macro_f1
    assert f"macro-F1 {summary['macro_f1']:.3f}" in text and f"promoted: {summary['reason']}" in text
    assert f"model {summary['model_version']}:" in text


def test_a_training_says_how_rare_classes_fare(
    trained_report: Callable[..., Report], judged_part: Callable[..., Any]
) -> None:
    part = judged_part(mistakes=0)
    report = trained_report(training=part)
    summary, text = as_object(report, PLACE), "\n".join(as_lines(report, PLACE))
    assert part.scores.shots
    for name, recall in part.scores.shots.items():
        assert summary[f"{name}_shot"] == recall and f"{name}-shot {recall:.3f}" in text
    assert summary["calibration_error"] == part.scores.calibration_error
    assert f"calibration error {part.scores.calibration_error:.3f}" in text
    assert not any(isinstance(value, dict | list) for value in summary.values())


def test_a_model_that_did_not_win_is_not_promoted(
    trained_report: Callable[..., Report], training_part: Callable[..., Any]
) -> None:
    report = trained_report(training=training_part(promoted=False))
    assert as_object(report, PLACE)["promoted"] is False
    assert any(line.startswith("  not promoted: ") for line in as_lines(report, PLACE))


@pytest.mark.parametrize("state", ["failed", "skipped"])
def test_what_went_wrong_is_in_both(state: str, ingested_report: Callable[..., Report]) -> None:
    report = ingested_report(state=state, message="the disk is full", intake=None, ingest=None)
    assert as_object(report, "")["message"] == "the disk is full"
    lines = as_lines(report, "")
    assert f"ingest {state} in " in lines[0] and lines[1:] == ["  the disk is full"]


def test_the_report_is_named_where_there_is_one(report: Report) -> None:
    assert as_lines(report, PLACE)[-1] == f"  report: {PLACE}"
    assert not any("report:" in line for line in as_lines(report, ""))


def test_neither_grows_with_the_run(classified_report: Callable[..., Report], intake_part: Callable[..., Any]) -> None:
    large = classified_report(intake=intake_part(done=10**6, quarantined=10**4))
    assert len(as_lines(large, PLACE)) == len(as_lines(classified_report(), PLACE))
    assert as_object(large, PLACE).keys() == as_object(classified_report(), PLACE).keys()


def test_an_ingest_tells_its_rate_and_what_a_person_should_look_at(ingested_report: Callable[..., Report]) -> None:
    report = ingested_report()
    flags = {f"sharpness < {i}": 90 - i for i in range(8)}
    found = {"seconds": 9.3, "near_duplicates": 41, "clusters": 12, "disputed": 3, "flags": flags}
    report.ingest = report.ingest.model_copy(update=found)
    lines, summary = as_lines(report, PLACE), as_object(report, PLACE)
    assert "  2,702 pictures in 9.3 s, 291/s" in lines
    assert "  near-duplicates: 41 pictures, in 12 clusters" in lines
    assert "  withheld from training: 3 pictures, because labels disagree" in lines
    assert any(line.startswith("  flagged: sharpness < 0 (90), ") and line.endswith(" and 3 more") for line in lines)
    assert (summary["near_duplicates"], summary["clusters"], summary["disputed"]) == (41, 12, 3)


@pytest.mark.parametrize(
    ("cluster", "admitted", "told"), [(400, 2000, True), (49, 60, False), (100, 1001, False), (100, 1000, True)]
)
def test_a_cluster_too_large_for_near_duplicates_is_told(
    cluster: int, admitted: int, told: bool, ingested_report: Callable[..., Report]
) -> None:
    report = ingested_report()
    assert report.ingest
    report.ingest = report.ingest.model_copy(update={"largest_cluster": cluster, "admitted": admitted})
    said = [line for line in as_lines(report, PLACE) if line.startswith("  the largest cluster has ")]
    assert len(said) == told
    assert as_object(report, PLACE)["largest_cluster"] == cluster
    assert not told or f"{cluster} pictures, {cluster / admitted:.1%} of what came, all in one split" in said[0]


def test_an_ingest_names_the_classes_that_training_leaves_out(ingested_report: Callable[..., Report]) -> None:
    report = ingested_report()
    assert report.ingest
    taught = report.ingest.model_copy(update={"classes": [ClassCount(label="deer", total=9, train=9)]})
    names = [ClassCount(label=f"c{number}", total=1, test=1) for number in range(7)]
    few, many = ([*taught.classes, *names[:count]] for count in (1, 7))
    told = [as_lines(report.model_copy(update={"ingest": taught.model_copy(update={"classes": some})}), PLACE)
            for some in (taught.classes, few, many)]  # fmt: skip
    said = ["; ".join(line for line in lines if "left out of training" in line) for lines in told]
    assert said[0] == ""
    assert said[1] == "  no training picture, so left out of training: c0"
    assert said[2] == "  no training picture, so left out of training: c0, c1, c2, c3, c4 and 2 more"


def test_an_ingest_that_found_nothing_odd_has_no_lines_about_it(ingested_report: Callable[..., Report]) -> None:
    text = "\n".join(as_lines(ingested_report(), PLACE))
    assert not any(word in text for word in ("near-duplicates", "withheld", "flagged", "/s\n"))


@pytest.mark.parametrize(("issues", "words"), [(None, "not looked for"), (0, "0"), (44, "44")])
def test_an_audit_has_a_line_a_leak(issues: int | None, words: str, ingested_report: Callable[..., Report]) -> None:
    leaks = [
        Leak(splitting="random", criterion="perceptual hash", test=200, leaking=62),
        Leak(splitting="ours", criterion="perceptual hash", test=180, leaking=0),
    ]
    part = AuditPart(dataset_version=1, embedding="model 1", leaks=leaks, outliers=7, label_issues=issues)
    report = ingested_report(intake=None, ingest=None, audit=part)
    assert as_lines(report, "")[1:] == [
        "  leak, dataset split, by perceptual hash: 0 of 180 test pictures (0%)",
        "  leak, random split, by perceptual hash: 62 of 200 test pictures (31.0%)",
        "  outliers: 7",
        f"  suspected wrong labels: {words}",
    ]
    summary = as_object(report, "")
    assert (summary["leaking_random_perceptual_hash"], summary["leaking_ours_perceptual_hash"]) == (62, 0)
    assert (summary["outliers"], summary["label_issues"]) == (7, issues)


def test_an_augmentation_says_what_it_made(ingested_report: Callable[..., Report]) -> None:
    before, after = ([ClassCount(label="a", total=n), ClassCount(label="b", total=90)] for n in (10, 40))
    part = AugmentPart(dataset_version=2, before=before, after=after, operations={})
    report = ingested_report(intake=None, ingest=None, augment=part)
    assert as_lines(report, "")[1:] == ["  dataset version 2: 30 pictures made, 130 in training"]
    assert (as_object(report, "")["made"], as_object(report, "")["dataset_version"]) == (30, 2)
