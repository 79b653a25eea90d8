"""Owns what each section of a report shows: rows ready to be set, bounded and in reading order.

Invariant: however many classes a run has, a section has a bounded number of rows, and what is left
out is counted. Does not know HTML or Markdown.
"""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass

from nightsort.dataset.policy import Policy
from nightsort.dataset.radius import overgrown
from nightsort.evaluation.scores import ClassScore, Decision, Scores
from nightsort.reports.data import IngestPart, Report
from nightsort.reports.formats import percent, plural
from nightsort.reports.shown import ClassCount
from nightsort.schema import OTHER_REASONS, REASONS

MAX_CLASSES = 60
"""Classes listed in one table; the rest are counted."""

MAX_MATRIX = 20
"""Classes with a row of their own in the confusion matrix; the rest are one row and one column."""

_MEANINGS = {
    "done": "has a row of its own in the {place}",
    "quarantined": "set aside with a reason; original bytes are kept up to 1 MB",
    "duplicate": "same bytes as another picture that has an outcome",
    "deferred": "still being written or changed while read; taken next time",
    "skipped": "this very file already has an outcome, or its name is on the ignore list, or it is no regular file",
}

REASONS_EXPLAINED = REASONS | OTHER_REASONS
"""Every reason for every outcome but done, and what it means."""


@dataclass(frozen=True)
class Outcome:
    """What became of some of the discovered pictures."""

    key: str
    word: str
    count: int
    share: float
    meaning: str


@dataclass(frozen=True)
class Pair:
    """Training pictures of a class before and after balancing."""

    label: str
    before: int
    after: int


@dataclass(frozen=True)
class Cell:
    """A cell of the confusion matrix; share is of its row, 0 to 1."""

    count: int
    share: float
    right: bool

    @property
    def shade(self) -> float:
        """Strength of the colour, 0 to 1; the root lets rare mistakes be seen."""
        return self.share if self.right else math.sqrt(self.share)


@dataclass(frozen=True)
class Matrix:
    """A confusion matrix, true classes down; `folded` classes share the last row and column."""

    labels: list[str]
    rows: list[list[Cell]]
    folded: int


@dataclass(frozen=True)
class Mistake:
    """How often pictures of one class were taken for another."""

    truth: str
    taken_for: str
    count: int
    share: float


@dataclass(frozen=True)
class Interval:
    """An interval drawn on an axis that holds zero: positions in per cent of its length."""

    left: float
    width: float
    zero: float


def outcomes(report: Report) -> list[Outcome]:
    """The terms of the balance, in the order of the sum; empty without an intake."""
    if not report.intake:
        return []
    tally = report.intake.tally
    done, place = ("classified", "table of predictions") if report.flow == "classify" else ("ingested", "dataset")
    return [
        Outcome(
            key=key,
            word=done if key == "done" else key,
            count=getattr(tally, key),
            share=getattr(tally, key) / max(tally.discovered, 1),
            meaning=meaning.format(place=place),
        )
        for key, meaning in _MEANINGS.items()
    ]


def pairs(before: Sequence[ClassCount], after: Sequence[ClassCount]) -> list[Pair]:
    """Classes before and after balancing, most frequent first."""
    balanced = {row.label: row.total for row in after}
    rows = [Pair(row.label, row.total, balanced.get(row.label, 0)) for row in before]
    return sorted(rows, key=lambda row: (-row.before, row.label))


def tied(part: IngestPart) -> str:
    """What is said where the search for near-duplicates ties too much together, or would have; else ""."""
    if part.narrowed_to is not None:
        return (
            f"near-duplicates are those within {part.narrowed_to} bits, not {Policy().near_duplicates}, which tied "
            "together what only looks alike; if things were photographed several times, name them by a group"
        )
    if not overgrown(part.largest_cluster, part.admitted):
        return ""
    return (
        f"the largest cluster has {plural(part.largest_cluster, 'picture')}, "
        f"{percent(part.largest_cluster / part.admitted)} of what came, all in one split; if they only look alike, as "
        "on white or before one camera, begin a new storage root with near_duplicates 4, or with -1 and a group for "
        "what belongs together"
    )


def imbalance(counts: Sequence[int]) -> str:
    """Largest class over smallest non-empty one, such as 20:1; empty without pictures."""
    present = [n for n in counts if n]
    return f"{max(present) / min(present):,.3g}:1" if present else ""


def listed(scores: Scores) -> list[ClassScore]:
    """The classes of the table of figures: all in their order, or the MAX_CLASSES with the lowest F1."""
    if len(scores.classes) <= MAX_CLASSES:
        return scores.classes
    return sorted(scores.classes, key=lambda row: (row.f1 is None, row.f1, row.label))[:MAX_CLASSES]


def matrix(scores: Scores) -> Matrix:
    """The confusion matrix; beyond MAX_MATRIX classes, those with the most mistakes are shown."""
    labels = _confused(scores)
    kept = _most_mistaken(scores.confusion, len(labels))
    folded = len(scores.classes) - len(kept)
    groups = [[i] for i in kept]
    if folded:
        groups.append(sorted(set(range(len(scores.confusion))) - set(kept)))
    counts = [[_block(scores.confusion, rows, columns) for columns in groups] for rows in groups]
    return Matrix(
        labels=[labels[i] for i in kept] + (["other classes"] if folded else []),
        rows=[[Cell(n, n / max(sum(row), 1), i == j) for j, n in enumerate(row)] for i, row in enumerate(counts)],
        folded=folded,
    )


def _confused(scores: Scores) -> list[str]:
    """The classes of the confusion matrix, but for the last row of a matrix that has not all."""
    return scores.confused or [row.label for row in scores.classes]


def _most_mistaken(confusion: list[list[int]], classes: int) -> list[int]:
    columns = [sum(column) for column in zip(*confusion, strict=True)]
    wrong = [sum(row) + columns[i] - 2 * row[i] for i, row in enumerate(confusion)]
    return sorted(sorted(range(classes), key=lambda i: (-wrong[i], i))[:MAX_MATRIX])


def _block(confusion: list[list[int]], rows: list[int], columns: list[int]) -> int:
    return sum(confusion[i][j] for i in rows for j in columns)


def mistakes(scores: Scores, limit: int = 6) -> list[Mistake]:
    """The most frequent confusions of one class with another."""
    labels = _confused(scores)
    found = [
        Mistake(truth, taken_for, n, n / sum(row))
        for truth, row in zip(labels, scores.confusion, strict=False)  # what is folded has no name
        for taken_for, n in zip(labels, row, strict=False)
        if truth != taken_for and n
    ]
    return sorted(found, key=lambda m: (-m.count, -m.share, m.truth, m.taken_for))[:limit]


def interval(decision: Decision) -> Interval | None:
    """The bootstrap interval of the difference in macro-F1 on an axis that holds zero."""
    low, high = decision.difference_low, decision.difference_high
    if low is None or high is None:
        return None
    start, end = min(low, 0.0), max(high, 0.0)
    margin = 0.15 * (end - start) or 0.01
    start, length = start - margin, end - start + 2 * margin
    return Interval(100 * (low - start) / length, 100 * (high - low) / length, 100 * -start / length)


def common_folder(paths: Sequence[str]) -> str:
    """The folder or URI that all paths begin with, with its slash; empty where they share none."""
    shared = os.path.commonprefix(list(paths))  # noqa: RUF071 (commonpath does not know URIs)
    folder, slash, _ = shared.rpartition("/")
    return folder + slash if folder.strip("/") else ""
