"""Owns what a reader of a night's report sees in half a minute: what is odd, what to look at.

Invariant: a few lines, each with the place on the page that shows it. Does not know how it will look.
"""

from typing import NamedTuple

from nightsort.reports.changes import MAX_CHANGES
from nightsort.reports.data import Report
from nightsort.reports.formats import count, plural, shorten
from nightsort.reports.night import NightPart

_NAMED = 3  # classes, measures or changes that a line names; the rest are counted
_TEXT = 160


class Remark(NamedTuple):
    """One line, and where on the page the rest of it is."""

    text: str
    anchor: str  # id of a section


def odd(report: Report) -> list[Remark]:
    """What is not as it usually is: drift, classes that came or went, what changed since the run before."""
    remarks = []
    if report.drift and report.drift.alarms:
        remarks.append(Remark(f"Drift in {_some([each.name for each in report.drift.alarms])}.", "drift"))
    if not (night := report.night):
        return remarks
    if night.appeared:
        remarks.append(Remark(f"{_classes('New', night.appeared)}.", "predicted"))
    if night.vanished:
        remarks.append(Remark(f"{_classes('Gone', night.vanished)}.", "predicted"))
    if unusual := [row.label for row in night.trends if row.unusual and row.count and row.usual]:
        remarks.append(Remark(f"{_classes('Unusual share', unusual)}.", "predicted"))
    return remarks + _changes(night)


def _changes(night: NightPart) -> list[Remark]:
    remarks = [Remark(shorten(line, _TEXT), "changes") for line in night.changes[:_NAMED]]
    if (more := len(night.changes[:MAX_CHANGES]) - _NAMED) > 0:
        remarks.append(Remark(f"{plural(more, 'more change')} since the run before.", "changes"))
    return remarks


def look_at(report: Report) -> list[Remark]:
    """What a person should look at, the most pressing first."""
    remarks = []
    if report.classify and report.classify.abstained:
        remarks.append(
            Remark(f"{plural(report.classify.abstained, 'picture')} that the model did not name.", "uncertain")
        )
    if report.intake and report.intake.tally.quarantined:
        remarks.append(Remark(f"{plural(report.intake.tally.quarantined, 'file')} set aside.", "quarantine"))
    if report.intake and report.intake.tally.deferred:
        remarks.append(
            Remark(f"{plural(report.intake.tally.deferred, 'file')} still being written, left for next time.", "balance")
        )
    return remarks


def _classes(word: str, labels: list[str]) -> str:
    return f"{word}: {_some(labels)}"


def _some(names: list[str]) -> str:
    named = ", ".join(shorten(name, 40) for name in names[:_NAMED])
    return f"{named} and {count(len(names) - _NAMED)} more" if len(names) > _NAMED else named
