"""Owns the short forms of a report: a few lines for a terminal, one flat object for a program.

Invariant: both say the same, and neither grows with the run.
Does not know how they are printed.
"""

from typing import Any

from nightsort.reports.data import Report


def as_object(report: Report, place: str) -> dict[str, Any]:
    """One flat JSON object.

    :param place: path or URI of the HTML report; empty if none was written
    """
    summary: dict[str, Any] = {"run_id": report.run_id, "flow": report.flow, "state": report.state, "report": place}
    if report.message:
        summary["message"] = report.message
    if report.intake:
        summary |= counts(report)
    if report.ingest:
        summary |= {"dataset_version": report.ingest.dataset_version}
    if report.classify:
        summary |= {"model_version": report.classify.model_version, "abstained": report.classify.abstained}
    if report.training:
        training = report.training
        summary |= training.model_dump(include={"model_version", "dataset_version", "balance"})
        summary |= training.scores.model_dump(include={"accuracy", "balanced_accuracy", "macro_f1"})
        summary |= training.decision.model_dump(include={"promoted", "reason"})
    return summary


def counts(report: Report) -> dict[str, int | bool]:
    """Where every picture went, `done` under its proper name; empty if the run read no pictures."""
    tally = report.intake.tally.model_dump() if report.intake else {}
    return {_word(report) if name == "done" else name: count for name, count in tally.items()}


def _word(report: Report) -> str:
    return "classified" if report.flow == "classify" else "ingested"


def as_lines(report: Report, place: str) -> list[str]:
    """A few lines for a person."""
    seconds = (report.finished - report.started).total_seconds()
    lines = [f"{report.flow} {report.state} in {seconds:.1f} s  (run {report.run_id})"]
    if report.message:
        lines.append(f"  {report.message}")
    if report.intake:
        lines.append(f"  {_sum(report)}")
        if report.intake.reasons:
            lines.append("  why: " + ", ".join(f"{reason} {count}" for reason, count in report.intake.reasons.items()))
    if report.ingest:
        total = sum(item.total for item in report.ingest.classes)
        lines.append(
            f"  dataset version {report.ingest.dataset_version}: {total} pictures, {len(report.ingest.classes)} classes"
        )
    if report.classify:
        lines.append(f"  model {report.classify.model_version} abstained on {report.classify.abstained}")
    if report.training:
        scores, decision = report.training.scores, report.training.decision
        lines.append(
            f"  model {report.training.model_version}: accuracy {scores.accuracy:.3f}, macro-F1 {scores.macro_f1:.3f} "
            f"on {scores.pictures} test pictures"
        )
        lines.append(f"  {'promoted' if decision.promoted else 'not promoted'}: {decision.reason}")
    return [*lines, f"  report: {place}"] if place else lines


def _sum(report: Report) -> str:
    outcomes = {name: count for name, count in counts(report).items() if name not in ("discovered", "balanced")}
    return f"{counts(report)['discovered']} discovered = " + " + ".join(f"{n} {name}" for name, n in outcomes.items())
