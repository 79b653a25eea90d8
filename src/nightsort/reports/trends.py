"""Owns how often each class is predicted, night after night, and which classes came or went.

Invariant: a class is said to be new, gone or unusual only where chance is an unlikely reason, at a level shared out
among all classes. Does not know how it will look.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Literal

from nightsort.reports.chance import shares_differ
from nightsort.reports.data import Report
from nightsort.reports.digest import Digest
from nightsort.reports.night import MAX_TRENDS, Trend

_USUALLY = 0.5  # share of the earlier nights in which a class has to occur to be missed
_RANGE = 5  # nights from which on their own highest and lowest share tell what is usual


def rows(report: Report) -> list[Trend]:
    """The classes of a report that classified; without trends where it did not come to look back."""
    if report.night and report.night.trends:
        return report.night.trends[:MAX_TRENDS]
    part = report.classify
    return of({row.label: row.total for row in part.predicted}, part.training_share, []) if part else []


def of(now: dict[str, int], trained: dict[str, float], earlier: Sequence[Digest]) -> list[Trend]:
    """Every class that was predicted, now or earlier, or that the model knows; most predicted first.

    :param now: class -> pictures of this run
    :param trained: class -> share of the training split
    :param earlier: nights before this one, newest first
    """
    nights = [night.predicted for night in reversed(earlier)]
    usual: Counter[str] = Counter()
    for night in nights:
        usual.update(night)
    labels = sorted({*now, *trained, *usual})
    trends = [_trend(label, now, trained.get(label), nights, usual, len(labels)) for label in labels]
    return sorted(trends, key=lambda row: (-row.count, -(row.usual or 0), -(row.trained or 0), row.label))[:MAX_TRENDS]


def _trend(
    label: str,
    now: dict[str, int],
    trained: float | None,
    nights: list[dict[str, int]],
    usual: Counter[str],
    classes: int,
) -> Trend:
    total, before = sum(now.values()), usual.total()
    number, earlier = now.get(label, 0), usual[label]
    shares = [night.get(label, 0) / sum(night.values()) if sum(night.values()) else None for night in nights]
    differs = shares_differ(number, total, earlier, before, tests=classes)
    return Trend(
        label=label,
        count=number,
        share=number / max(total, 1),
        trained=trained,
        usual=earlier / before if before else None,
        shares=[*shares, number / total if total else None],
        unusual=_way(number / total, earlier / before, shares) if differs else "",
    )


def _way(share: float, usual: float, nights: list[float | None]) -> Literal["", "more", "less"]:
    """Which way a share is out of the usual; "" where one of enough nights had as much, or as little.

    Nights differ by more than pictures drawn at random do, so chance alone would call too many unusual.
    """
    known = [night for night in nights if night is not None]
    if len(known) >= _RANGE and min(known) <= share <= max(known) and share:
        return ""
    return "more" if share > usual else "less"


def appeared(trends: Sequence[Trend]) -> list[str]:
    """Classes predicted now, and in no earlier night although there was room for them."""
    return [row.label for row in trends if row.unusual == "more" and row.usual == 0]


def vanished(trends: Sequence[Trend]) -> list[str]:
    """Classes predicted in most of the earlier nights, and not now though so many pictures should show them."""
    return [row.label for row in trends if row.unusual == "less" and not row.count and _usually_there(row)]


def _usually_there(row: Trend) -> bool:
    nights = [share for share in row.shares[:-1] if share is not None]
    return sum(share > 0 for share in nights) > _USUALLY * len(nights)
