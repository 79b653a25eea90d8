"""Owns what differs between two runs, or between two models: one data object, one page, a few lines.

Invariant: it is bounded, and everything on the page comes from it. Does not know how an answer came about, or where
the page is kept.
"""

from typing import Literal

from pydantic import BaseModel

from nightsort.evaluation.scores import Slice
from nightsort.reports.answered import Answered
from nightsort.reports.formats import count, percent, plural, score, signed
from nightsort.reports.headline import Verdict
from nightsort.reports.render import page

MAX_CLASSES = 1000
"""Classes in the data; a page shows fewer."""

MAX_LISTED = 60
"""Classes in a table of the page; the rest are counted."""

MAX_LINES = 10
"""Classes, and changes, named in a terminal."""


class Side(BaseModel):
    """One of the two."""

    key: str  # for a file name: a run id, or such as "model-2"
    name: str  # for people: "model 2"; of a run when it began, "2026-11-21 02:00"
    link: str = ""  # of its report, seen from the page


class Fact(BaseModel):
    """One thing about both, in words."""

    name: str
    first: str
    second: str


class Mix(BaseModel):
    """Pictures of a class in each run."""

    label: str
    first: int
    second: int
    changed: bool  # by more than chance, at a level shared out among all classes


class Mixes(BaseModel):
    """What both runs predicted, class by class."""

    totals: tuple[int, int]
    variation: float  # total variation distance of the two mixes, 0 to 1
    p_value: float | None  # chi-squared test of homogeneity; None where it has no meaning
    classes: list[Mix] = []  # at most MAX_CLASSES, the largest change of share first


class ClassFigures(BaseModel):
    """Both models on the test pictures of a class."""

    label: str
    support: int
    f1: tuple[float, float]
    recall: tuple[float, float]


class Scored(BaseModel):
    """Both models on the same test pictures."""

    dataset_version: int
    macro_f1: Slice  # the first as champion, the second as challenger
    p_value: float  # McNemar's exact test
    only: tuple[int, int]  # pictures that only the first gets right, and only the second
    classes: list[ClassFigures] = []  # at most MAX_CLASSES, the largest loss of F1 first


class Difference(BaseModel):
    """What differs between the first and the second."""

    kind: Literal["runs", "models", "scores"]
    first: Side
    second: Side
    facts: list[Fact] = []
    mixes: Mixes | None = None
    answered: Answered | None = None
    scored: Scored | None = None
    notes: list[str] = []


def to_html(difference: Difference) -> str:
    """The difference as one self-contained page."""
    return page(
        "difference.html",
        difference=difference,
        title=title(difference),
        verdict=verdict(difference),
        listed=MAX_LISTED,
    )


def title(difference: Difference) -> str:
    """The two, named."""
    nights = "nights " if difference.kind == "runs" else ""
    named = f"{nights}{difference.first.name} and {difference.second.name}"
    return f"{named[0].upper()}{named[1:]}"


def verdict(difference: Difference) -> Verdict:
    """The one line below the title."""
    if difference.scored:
        return _better(difference.scored, difference.second)
    if difference.mixes:
        return _mixed(difference.mixes)
    if difference.answered:
        both = difference.answered
        share = percent(both.agreeing / both.pictures)
        line = f"The same label for {share} of {plural(both.pictures, 'picture')} that both classified."
        agree = both.agreeing == both.pictures
        return Verdict("good" if agree else "note", "They agree" if agree else "They differ", line)
    return Verdict("note", "Nothing in common", "There is no picture that both classified.")


def _better(scored: Scored, second: Side) -> Verdict:
    part = scored.macro_f1
    line = (
        f"Macro-F1 {score(part.champion_macro_f1)} and {score(part.challenger_macro_f1)} on "
        f"{plural(part.pictures, 'test picture')}; difference {signed(part.difference_low)} to "
        f"{signed(part.difference_high)} (90 %), McNemar p {scored.p_value:.2g}."
    )
    if part.difference_low > 0:
        return Verdict("good", f"{second.name.capitalize()} is better", line)
    if part.difference_high < 0:
        return Verdict("bad", f"{second.name.capitalize()} is worse", line)
    return Verdict("note", "Not shown to differ", line)


def _mixed(mixes: Mixes) -> Verdict:
    if not all(mixes.totals):
        which = "second run" if mixes.totals[0] else "first run" if mixes.totals[1] else "two runs"
        return Verdict("note", "Nothing to compare", f"Nothing was classified in the {which}.")
    changed = [row for row in mixes.classes if row.changed]
    if changed:
        line = f"The share of {plural(len(changed), 'class')} changed by more than chance."
        return Verdict("note", "The mix differs", line)
    return Verdict("good", "The same mix", "No class changed its share by more than chance.")


def lines(difference: Difference, place: str) -> list[str]:
    """The difference for a terminal."""
    found = verdict(difference)
    said = [title(difference), f"  {found.word}: {found.line}"]
    width = max((len(fact.first) for fact in difference.facts), default=0)
    said += [f"  {fact.name:18} {fact.first:{width}}  {fact.second}" for fact in difference.facts]
    if difference.mixes:
        said += [_mix(row, difference.mixes.totals) for row in difference.mixes.classes if row.changed][:MAX_LINES]
    if difference.scored:
        said += [
            f"  {row.label}: F1 {score(row.f1[0])} and {score(row.f1[1])} on {count(row.support)}"
            for row in difference.scored.classes
            if row.f1[0] != row.f1[1]
        ][:MAX_LINES]
    if both := difference.answered:
        kappa = f", kappa {both.kappa:.3f}" if both.kappa is not None else ""
        said.append(f"  both: {plural(both.pictures, 'picture')}, the same label for {count(both.agreeing)}{kappa}")
        said += [
            f"    {change.first} -> {change.second}: {count(change.pictures)}" for change in both.changes[:MAX_LINES]
        ]
    return [*said, *(f"  {note}" for note in difference.notes), f"  page: {place}"]


def _mix(row: Mix, totals: tuple[int, int]) -> str:
    first, second = (number / max(total, 1) for number, total in zip((row.first, row.second), totals, strict=True))
    return f"  {row.label}: {percent(first)} and {percent(second)} ({count(row.first)} and {count(row.second)})"
