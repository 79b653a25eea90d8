"""Owns what a report shows of a model's robustness: a heat table of corruptions, and the rows of what else was tried.

Invariant: at most MAX_ROWS rows of MAX_STRENGTHS cells, whatever was measured. Does not know HTML or Markdown.
"""

from dataclasses import dataclass

from nightsort.evaluation.scores import Corruption, Robustness
from nightsort.reports.formats import percent

MAX_ROWS = 30
"""Rows of both tables together."""

MAX_STRENGTHS = 8
"""Cells of a row."""

SEVERITIES = ["1", "2", "3", "4", "5"]
"""Strengths of the common corruptions; whatever has others has a row of its own kind."""


@dataclass(frozen=True)
class Cell:
    """Accuracy at one strength; shade is the share of the clean accuracy that is lost, 0 to 1."""

    strength: str
    accuracy: float
    shade: float


@dataclass(frozen=True)
class Row:
    """One kind of change, from weak to strong."""

    name: str
    cells: list[Cell]
    mean: float


def corrupted(part: Robustness) -> list[Row]:
    """The common corruptions, in the order they were measured."""
    return [_row(part, row) for row in _listed(part) if row.strengths == SEVERITIES]


def otherwise(part: Robustness) -> list[Row]:
    """Occlusion and attacks, each with strengths of its own."""
    return [_row(part, row) for row in _listed(part) if row.strengths != SEVERITIES]


def gist(part: Robustness) -> str:
    """One line: the mean over corruptions, the worst of them, and the strongest of each other kind."""
    rows = corrupted(part)
    if not rows:
        return "Robustness: not measured."
    worst = min(rows, key=lambda row: row.mean)
    others = [f"{row.name} of {row.cells[-1].strength}: {percent(row.cells[-1].accuracy)}" for row in otherwise(part)]
    return (
        f"Robustness: mean accuracy {percent(part.mean_corruption_accuracy)} under {len(rows)} corruptions, "
        f"{percent(part.clean_accuracy)} without; worst under {worst.name}: {percent(worst.mean)}"
        + "".join(f"; {other}" for other in others)
        + "."
    )


def _listed(part: Robustness) -> list[Corruption]:
    return [row for row in part.rows[:MAX_ROWS] if row.accuracy]


def _row(part: Robustness, row: Corruption) -> Row:
    pairs = list(zip(row.strengths, row.accuracy, strict=True))[:MAX_STRENGTHS]
    clean = max(part.clean_accuracy, 1e-9)
    cells = [Cell(strength, value, min(1.0, max(0.0, 1 - value / clean))) for strength, value in pairs]
    return Row(row.name, cells, sum(row.accuracy) / len(row.accuracy))
