"""Owns what an audit's leak table shows: each way of splitting beside the others, and the classes that leak.

Invariant: however many classes there are, the rows are bounded, those that leak most first.
Does not know how near-twins were found.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from nightsort.reports.data import AuditPart, Leak
from nightsort.reports.sections import MAX_CLASSES

RANDOM, OURS = "random", "ours"
"""Ways of splitting that a leak names."""

_SPLITTINGS = {RANDOM: "random split", OURS: "dataset split"}


@dataclass(frozen=True)
class ClassLeak:
    """Leaking test pictures of a class, one count for each leak of the audit."""

    label: str
    counts: list[int]


def splitting(leak: Leak) -> str:
    """The way of splitting in words."""
    return _SPLITTINGS.get(leak.splitting, leak.splitting)


def share(leak: Leak) -> float:
    """Leaking pictures among those of the test split, 0 to 1."""
    return leak.leaking / max(leak.test, 1)


def longest(leaks: Sequence[Leak]) -> float:
    """The largest share, which fills a bar; never 0."""
    return max([*map(share, leaks), 1e-4])


def by_class(leaks: Sequence[Leak]) -> list[ClassLeak]:
    """At most MAX_CLASSES classes with a leaking picture, those with most in any column first."""
    labels = {label for leak in leaks for label, n in leak.by_class.items() if n}
    rows = [ClassLeak(label, [leak.by_class.get(label, 0) for leak in leaks]) for label in labels]
    return sorted(rows, key=lambda row: (-max(row.counts), row.label))[:MAX_CLASSES]


def worst(part: AuditPart) -> tuple[Leak | None, Leak | None]:
    """The dataset's own split by the criterion that finds most leaks, and a random split by the same criterion."""
    ours = max((leak for leak in part.leaks if leak.splitting == OURS), key=share, default=None)
    criterion = ours.criterion if ours else None
    if ours and not ours.leaking:  # then the criterion that shows best what was avoided
        criterion = max(part.leaks, key=share).criterion
    random = [leak for leak in part.leaks if leak.splitting == RANDOM and leak.criterion == criterion]
    return ours, random[0] if random else None
