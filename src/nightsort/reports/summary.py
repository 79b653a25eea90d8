"""Owns the short forms of a report: a few lines for a terminal, one flat object for a program.

Invariant: both say the same, and neither grows with the run.
Does not know how they are printed.
"""

from typing import Any

from nightsort.reports import compared, drifted, suspected, tuned
from nightsort.reports.data import AuditPart, AugmentPart, ClassifyPart, IngestPart, Report
from nightsort.reports.formats import count, percent, plural, score
from nightsort.reports.headline import made, promotion_lines, speed
from nightsort.reports.judged import in_words
from nightsort.reports.leaks import RANDOM, share, splitting
from nightsort.reports.sections import tied

_FLAGS = 5  # flags named; the rest are in the report
_CLASSES = 5  # without training picture, named
_INGEST = {"dataset_version", "near_duplicates", "clusters", "largest_cluster", "narrowed_to", "disputed"}
_FIGURES = {"accuracy", "balanced_accuracy", "macro_f1", "calibration_error"}
_STAGES = 4  # of the workers' time, named


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
        summary |= report.ingest.model_dump(include=_INGEST)
    if report.audit:
        summary |= report.audit.model_dump(include={"dataset_version", "outliers", "label_issues"})
        summary |= {_leak_key(leak.splitting, leak.criterion): leak.leaking for leak in report.audit.leaks}
    if report.augment:
        summary |= {"dataset_version": report.augment.dataset_version, "made": made(report.augment)}
    if report.classify:
        summary |= report.classify.model_dump(include={"model_version", "abstained", "backend", "seconds"})
    if report.drift:
        summary |= {"drifted": [finding.name for finding in report.drift.alarms]}
    if report.compare:
        summary |= compared.as_object(report.compare)
    if report.tune:
        summary |= tuned.as_object(report.tune)
    if part := report.promotion:
        summary |= {"model_version": part.model_version, "promoted": part.is_moved, "champion": part.after}
        summary |= {"how": part.how, "who": part.who, "reason": part.decision.reason if part.decision else part.why}
    if report.training:
        training = report.training
        summary |= training.model_dump(include={"model_version", "dataset_version", "balance"})
        summary |= training.scores.model_dump(include=_FIGURES)
        summary |= {f"{shot}_shot": recall for shot, recall in training.scores.shots.items()}
        summary |= training.decision.model_dump(include={"promoted", "reason"})
    if report.suspicion:
        keys = report.suspicion.model_dump(include={"arrived", "contradicting"})
        summary |= {f"labels_{name}": value for name, value in keys.items()}
    return summary


def counts(report: Report) -> dict[str, int | bool]:
    """Where every picture went, `done` under its proper name; empty if the run read no pictures."""
    tally = report.intake.tally.model_dump() if report.intake else {}
    return {_word(report) if name == "done" else name: n for name, n in tally.items()}


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
            lines.append("  why: " + ", ".join(f"{reason} {count(n)}" for reason, n in report.intake.reasons.items()))
    if rate := speed(report):
        lines.append(f"  {rate}{_where_time_went(report.classify)}")
    if report.ingest:
        lines += _ingest(report.ingest)
    if report.audit:
        lines += _audit(report.audit)
    if report.augment:
        lines += _augment(report.augment)
    if report.classify and report.intake and report.intake.tally.done:
        abstained = plural(report.classify.abstained, "picture")
        lines.append(f"  model {report.classify.model_version} abstained on {abstained}")
    if report.drift:
        lines.append(f"  {drifted.gist(report.drift)}")
    if report.compare:
        lines += [f"  {line}" for line in compared.lines(report.compare)]
    if report.tune:
        lines += [f"  {line}" for line in tuned.lines(report.tune)]
    if report.promotion:
        lines += [f"  {line}" for line in promotion_lines(report.promotion)]
    if report.training:
        scores, decision = report.training.scores, report.training.decision
        pictures = plural(scores.pictures, "test picture")
        lines.append(f"  model {report.training.model_version}: accuracy {score(scores.accuracy)} on {pictures}")
        lines.append(f"  {in_words(scores)}")
        lines.append(f"  {'promoted' if decision.promoted else 'not promoted'}: {decision.reason}")
    if report.suspicion and (report.suspicion.contradicting or report.suspicion.veto):
        lines.append(f"  {suspected.gist(report.suspicion)}")
    return [*lines, f"  report: {place}"] if place else lines


def _sum(report: Report) -> str:
    outcomes = {name: n for name, n in counts(report).items() if name not in ("discovered", "balanced")}
    terms = " + ".join(f"{count(n)} {name}" for name, n in outcomes.items())
    return f"{count(counts(report)['discovered'])} discovered = {terms}"


def _where_time_went(part: ClassifyPart | None) -> str:
    """What computed the answers, and the stages that took the workers longest."""
    if part is None:
        return ""
    total = sum(part.stages.values()) or 1.0
    longest = sorted(part.stages, key=lambda name: -part.stages[name])[:_STAGES]
    return f" by {part.backend}: " + ", ".join(f"{name} {part.stages[name] / total:.0%}" for name in longest)


def _ingest(part: IngestPart) -> list[str]:
    size = f"{plural(sum(item.total for item in part.classes), 'picture')}, {plural(len(part.classes), 'class')}"
    lines = [f"  dataset version {part.dataset_version}: {size}"]
    if len(part.classes) == 1:
        lines.append("  only one class so far; a classifier needs two or more")
    if untaught := [row.label for row in part.classes if not row.train]:
        others = f" and {len(untaught) - _CLASSES} more" * (len(untaught) > _CLASSES)
        lines.append(f"  no training picture, so left out of training: {', '.join(untaught[:_CLASSES])}{others}")
    if part.near_duplicates:
        near = plural(part.near_duplicates, "picture")
        lines.append(f"  near-duplicates: {near}, in {plural(part.clusters, 'cluster')}")
    if said := tied(part):
        lines.append(f"  {said}")
    if part.most_copied:
        lines.append(f"  came most often: {part.most_copied.path}, {part.most_copied.note}")
    if part.disputed:
        lines.append(f"  withheld from training: {plural(part.disputed, 'picture')}, because labels disagree")
    if part.flags:
        named = [f"{flag} ({count(n)})" for flag, n in list(part.flags.items())[:_FLAGS]]
        unnamed = len(part.flags) - len(named)
        lines.append(f"  flagged: {', '.join(named)}" + (f" and {unnamed} more" if unnamed else ""))
    return lines


def _audit(part: AuditPart) -> list[str]:
    lines = [
        f"  leak, {splitting(leak)}, by {leak.criterion}: {leak.leaking} of {leak.test} test pictures "
        f"({percent(share(leak))})"
        for leak in sorted(part.leaks, key=lambda leak: leak.splitting == RANDOM)  # first what is, then what would be
    ]
    issues = "not looked for" if part.label_issues is None else part.label_issues
    return [*lines, f"  outliers: {part.outliers}", f"  suspected wrong labels: {issues}"]


def _augment(part: AugmentPart) -> list[str]:
    new, total = plural(made(part), "picture"), count(sum(row.total for row in part.after))
    return [f"  dataset version {part.dataset_version}: {new} made, {total} in training"]


def _leak_key(way: str, criterion: str) -> str:
    return f"leaking_{way}_{criterion}".replace(" ", "_")
