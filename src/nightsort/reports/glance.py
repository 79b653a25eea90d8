"""Owns what a reader of a night's report sees in half a minute: what is odd, what to look at.

Invariant: a few lines, each with the place on the page that shows it. Does not know how it will look.
"""

from typing import NamedTuple

from nightsort.reports import drifted
from nightsort.reports.changes import MAX_CHANGES, is_repeat
from nightsort.reports.data import Report
from nightsort.reports.formats import first, percent, plural, shorten
from nightsort.reports.night import NightPart, Trend

_NAMED = 3  # classes, measures or changes that a line names; the rest are counted
_TEXT = 160


class Remark(NamedTuple):
    """One line, and where on the page the rest of it is."""

    text: str
    anchor: str  # id of a section


class Column(NamedTuple):
    """A question, and its answer in a few lines."""

    heading: str
    remarks: list[Remark]
    nothing: str  # what to say where there are none


def columns(report: Report) -> list[Column]:
    """What a reader asks of a night."""
    known = [
        *(["drift"] if report.drift and report.drift.findings else []),
        *(["change since the run before"] if report.night and report.night.previous else []),
    ]
    calm = f"Nothing: no {', no '.join(known)}." if known else "Nothing that this run could be held against yet."
    if report.intake and is_repeat(report.intake):
        calm = "Nothing: every picture had its outcome before."
    return [
        Column("Odd tonight", odd(report), calm),
        Column("To look at", look_at(report), "Nothing: every picture was named, and no file was set aside."),
    ]


def odd(report: Report) -> list[Remark]:
    """What is not as it usually is: drift, classes that came or went, what changed since the run before."""
    remarks = []
    if report.drift and report.drift.alarms:
        remarks.append(Remark(f"Drift in {drifted.named(report.drift)}.", "drift"))
    if not (night := report.night):
        return remarks
    if night.appeared:
        remarks.append(Remark(f"{_classes('New class', night.appeared)}.", "predicted"))
    if night.vanished:
        remarks.append(Remark(f"{_classes('No longer seen', night.vanished)}.", "predicted"))
    for way in ("more", "less"):
        some = [_usual(row) for row in night.trends if row.unusual == way and row.count and row.usual]
        remarks += [Remark(f"{way.capitalize()} than usual of {_some(some)}.", "predicted")] if some else []
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
        anchor = "certainty-abstained" if report.night and report.night.bands else "uncertain"
        remarks.append(Remark(f"{plural(report.classify.abstained, 'picture')} that the model did not name.", anchor))
    if not report.intake:
        return remarks
    tally = report.intake.tally
    if tally.quarantined:
        remarks.append(Remark(f"{plural(tally.quarantined, 'file')} set aside.", "quarantine"))
    if tally.deferred:
        remarks.append(Remark(f"{plural(tally.deferred, 'file')} left for next time, still being written.", "balance"))
    return remarks


def _usual(row: Trend) -> str:
    return f"{shorten(row.label, 40)}: {percent(row.share)}, usually {percent(row.usual or 0)}"


def _classes(word: str, labels: list[str]) -> str:
    return f"{word}: {_some([shorten(label, 40) for label in labels])}"


def _some(names: list[str]) -> str:
    return first(names, _NAMED, "; ")
