"""Owns the first lines of a report: the title in plain words and the verdict.

Invariant: a run that did not end well is never headed by its figures.
Does not know what follows below.
"""

from typing import NamedTuple

from nightsort.evaluation.scores import Decision, Scores
from nightsort.reports.data import ClassifyPart, Report
from nightsort.reports.formats import count, day, percent, plural, score
from nightsort.tally import Tally

_NOUNS = {"classify": "Night", "ingest": "Ingest", "train": "Training", "retrain": "Retraining"}


class Verdict(NamedTuple):
    """One line that judges the run; the tone (good, note, bad) colours it, the word says the same."""

    tone: str
    word: str
    line: str


def noun(report: Report) -> str:
    """What a person calls a run of this flow."""
    return _NOUNS.get(report.flow, report.flow.capitalize())


def title(report: Report) -> str:
    """The report's title: which night or run it was, and what came of it."""
    occasion = f"{noun(report)} of {day(report.started)}"
    if report.state != "completed":
        return f"{occasion}: {report.state}"
    findings = _findings(report)
    return f"{occasion}: {', '.join(findings)}" if findings else occasion


def _findings(report: Report) -> list[str]:
    if report.training:
        verb = "promoted" if report.training.decision.promoted else "not promoted"
        return [f"model {report.training.model_version} {verb}", f"macro-F1 {score(report.training.scores.macro_f1)}"]
    if not report.intake:
        return []
    tally = report.intake.tally
    verb = "classified" if report.flow == "classify" else "ingested"
    return [f"{plural(tally.done, 'picture')} {verb}", f"{count(tally.quarantined)} set aside"]


def verdict(report: Report) -> Verdict:
    """The one line below the title."""
    if report.state == "failed":
        return Verdict("bad", "Failed", "The run stopped with this message:")
    if report.state == "skipped":
        return Verdict("note", "Skipped", "Nothing was done, because:")
    if report.intake and not report.intake.tally.balanced:
        return Verdict("bad", "Does not balance", "A picture was lost or counted twice; report this as a bug.")
    if report.training:
        return _judged(report.training.decision, report.training.scores)
    if report.intake:
        return _accounted(report.intake.tally, report.classify)
    return Verdict("good", "Done", "The run finished.")


def _judged(decision: Decision, scores: Scores) -> Verdict:
    figures = f"{percent(scores.accuracy)} of {plural(scores.pictures, 'test picture')} right"
    if decision.promoted:
        return Verdict("good", "Promoted", f"The new model is the champion; {figures}.")
    return Verdict("note", "Not promoted", f"The champion stays; the new model got {figures}.")


def _accounted(tally: Tally, classify: ClassifyPart | None) -> Verdict:
    if not tally.discovered:
        return Verdict("note", "Nothing there", "The source held no files.")
    if not tally.done and not tally.quarantined:
        return Verdict("good", "Nothing new", f"{plural(tally.discovered, 'discovered file')}, none new and ready.")
    line = f"Every one of {plural(tally.discovered, 'discovered file')} is accounted for"
    if classify and classify.abstained:
        line += f"; {count(classify.abstained)} of {count(tally.done)} are too uncertain to name without a person"
    return Verdict("good", "Balanced", line + ".")
