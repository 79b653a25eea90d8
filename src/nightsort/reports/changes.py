"""Owns what changed in a night since the run before, in words.

Invariant: a line is more than chance, and names both figures; at most MAX_CHANGES of them, the most telling first.
Does not know how it will look.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from nightsort.reports.chance import counts_differ, figures_differ, shares_differ
from nightsort.reports.data import ClassifyPart, IntakePart
from nightsort.reports.digest import Digest
from nightsort.reports.formats import count, figure, percent, plural, shorten
from nightsort.schema import REASONS
from nightsort.tally import Tally

MAX_CHANGES = 20
"""Changes in a report."""

_CLASSES = 5  # named in the line about the mix
_ENOUGH = 200  # pictures from which a speed means something
_TELLING = [*REASONS, "same_bytes", "still_written", "changed"]  # reasons that say something of the drop itself


@dataclass(frozen=True)
class Tonight:
    """The figures of a run that are held against those of the run before."""

    tally: Tally
    reasons: dict[str, int]
    model_version: int
    backend: str
    rate: float  # pictures a second, 0 where none were classified
    predicted: dict[str, int]  # class -> pictures
    abstained: int


def tonight(part: ClassifyPart, intake: IntakePart) -> Tonight:
    """The figures of the run that a report is being made of."""
    return Tonight(
        tally=intake.tally,
        reasons=intake.reasons,
        model_version=part.model_version,
        backend=part.backend,
        rate=intake.tally.done / part.seconds if part.seconds else 0.0,
        predicted={row.label: row.total for row in part.predicted if row.total},
        abstained=part.abstained,
    )


def since(before: Digest, now: Tonight) -> list[str]:
    """What is different, by more than chance, from the run before."""
    if is_repeat(now):
        return []
    tally = before.tally or Tally(discovered=0)
    lines = [
        *_model(before, now),
        *_counted(tally, now),
        *_abstained(before, tally, now),
        *_set_aside(before, tally, now),
        *_mix(before, now),
        *_computed(before, tally, now),
    ]
    return lines[:MAX_CHANGES]


def is_repeat(run: IntakePart | Tonight) -> bool:
    """Whether a run found only what had its outcome before, so that there is nothing to hold against other runs."""
    return run.reasons.get("known", 0) > 0 and not run.tally.done and not run.tally.quarantined


def _model(before: Digest, now: Tonight) -> Iterator[str]:
    if before.model_version not in (None, now.model_version):
        yield f"Model {now.model_version} classified, before model {before.model_version}."


def _counted(tally: Tally, now: Tonight) -> Iterator[str]:
    if counts_differ(now.tally.done, tally.done):
        yield f"{plural(now.tally.done, 'picture')} classified, before {count(tally.done)}."


def _abstained(before: Digest, tally: Tally, now: Tonight) -> Iterator[str]:
    if shares_differ(now.abstained, now.tally.done, before.abstained, tally.done):
        was = percent(before.abstained / tally.done)
        yield f"The model abstained for {percent(now.abstained / now.tally.done)} of the pictures, before for {was}."


def _set_aside(before: Digest, tally: Tally, now: Tonight) -> Iterator[str]:
    looked_at, earlier = (max(each.discovered - each.skipped, 0) for each in (now.tally, tally))
    asked = [reason for reason in _TELLING if now.reasons.get(reason) or before.reasons.get(reason)]
    for reason in asked:
        files, was = now.reasons.get(reason, 0), before.reasons.get(reason, 0)
        if shares_differ(files, looked_at, was, earlier, tests=len(asked)):
            yield f"{reason}: {count(files)} of {plural(looked_at, 'file')}, before {count(was)} of {count(earlier)}."


def _mix(before: Digest, now: Tonight) -> Iterator[str]:
    total, earlier = sum(now.predicted.values()), sum(before.predicted.values())
    labels = sorted({*now.predicted, *before.predicted})
    moved = [
        (now.predicted.get(label, 0) / total - before.predicted.get(label, 0) / earlier, label)
        for label in labels
        if shares_differ(now.predicted.get(label, 0), total, before.predicted.get(label, 0), earlier, len(labels))
    ]
    for way, some in (("More of", [m for m in moved if m[0] > 0]), ("Less of", [m for m in moved if m[0] < 0])):
        if some:
            named = sorted(some, key=lambda m: (-abs(m[0]), m[1]))
            words = [_share(label, now, total, before, earlier) for _, label in named[:_CLASSES]]
            rest = [f"{count(len(named) - _CLASSES)} classes more"] if len(named) > _CLASSES else []
            yield f"{way} {'; '.join([*words, *rest])}."


def _share(label: str, now: Tonight, total: int, before: Digest, earlier: int) -> str:
    share, was = now.predicted.get(label, 0) / total, before.predicted.get(label, 0) / earlier
    return f"{shorten(label, 40)}: {percent(share)}, before {percent(was)}"


def _computed(before: Digest, tally: Tally, now: Tonight) -> Iterator[str]:
    if before.backend and now.backend and before.backend != now.backend:
        yield f"{now.backend} computed the answers, before {before.backend}."
    enough = min(tally.done, now.tally.done) >= _ENOUGH and min(before.rate, now.rate) > 0
    if enough and figures_differ(now.rate, before.rate):
        yield f"{figure(now.rate)} pictures a second, before {figure(before.rate)}."
