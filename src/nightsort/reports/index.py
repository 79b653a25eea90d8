"""Owns the index of a storage root's reports: reports/index.html, the newest run first.

Invariant: it is made of digests alone, of at most MAX_RUNS runs; the rest is counted. Its links are relative, so that
the folder can be moved or served. Does not know what a run did beyond its digest.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nightsort import clock
from nightsort.errors import ModelError
from nightsort.learning.registry import Move, Registry
from nightsort.reports import digest, sparkline
from nightsort.reports.digest import ROOT, Digest
from nightsort.reports.night import MAX_NIGHTS
from nightsort.reports.render import page
from nightsort.reports.sparkline import Sparkline
from nightsort.storage import Storage

MAX_RUNS = 400
"""Runs listed in an index, the newest; the rest are counted."""

MAX_TRENDS = 24
"""Classes with a trend in an index, the most predicted."""

MAX_MOVES = 12
"""Moves of the champion listed, the newest."""

MAX_NOTES = 20
"""Reports listed that cannot be read."""

NAME = f"{ROOT}/index.html"

_TRIES = 3


@dataclass(frozen=True)
class Trend:
    """How often a class was predicted, night after night; shares from 0 to 1."""

    label: str
    share: float  # in the newest night
    least: float
    most: float
    drawn: Sparkline


@dataclass(frozen=True)
class Alarm:
    """What nobody has seen end yet: no later run of the same flow ended without it."""

    run: Digest
    tone: str  # bad or note
    words: str


def refresh(storage: Storage) -> str:
    """Write the index anew.

    Of two runs that end at once, the later writer may have looked before the other was there: it looks again.

    :returns: location of the index, a path or URI
    :raises WriteError: it cannot be written
    """
    for _ in range(_TRIES):
        shown = _write(storage)
        newest = digest.run_ids(storage)[-MAX_RUNS:]
        if not any(digest.exists(storage, run_id) for run_id in newest if run_id not in shown):
            break
    return storage.locate(NAME)


def _write(storage: Storage) -> set[str]:
    notes: list[str] = []
    total = len(digest.run_ids(storage))
    runs = digest.recent(storage, MAX_RUNS, notes=notes)
    moves, doubt = _moves(storage)
    listed = trends(runs)
    html = page(
        "index.html",
        runs=runs,
        older=max(0, total - len(runs) - len(notes)),
        nights=len(_nights(runs)),
        trends=listed[:MAX_TRENDS],
        untold=len(listed) - MAX_TRENDS,
        moves=moves[:MAX_MOVES],
        moved=len(moves),
        alarms=alarms(runs),
        notes=[*doubt, *notes][:MAX_NOTES],
        made=clock.now(),
    )
    storage.write_bytes(NAME, html.encode())
    return {run.run_id for run in runs}


def _moves(storage: Storage) -> tuple[list[Move], list[str]]:
    """The champion's moves, the newest first."""
    try:
        return Registry(storage).history()[::-1], []
    except ModelError as error:
        return [], [str(error)]


def _nights(runs: Sequence[Digest]) -> list[Digest]:
    """The newest runs that classified anything, the oldest first."""
    return [run for run in runs if run.predicted and sum(run.predicted.values())][:MAX_NIGHTS][::-1]


def trends(runs: Sequence[Digest]) -> list[Trend]:
    """Each class that was predicted in the last MAX_NIGHTS nights, the most predicted first.

    :param runs: newest first
    """
    nights = [run.predicted for run in _nights(runs)]
    totals = [sum(night.values()) for night in nights]
    predicted: Counter[str] = Counter()
    for night in nights:
        predicted.update(night)
    found = []
    for label, number in sorted(predicted.items(), key=lambda item: (-item[1], item[0])):
        if number:
            shares = [night.get(label, 0) / total for night, total in zip(nights, totals, strict=True)]
            found.append(Trend(label, shares[-1], min(shares), max(shares), sparkline.of(shares)))
    return found


def alarms(runs: Sequence[Digest]) -> list[Alarm]:
    """What is wrong with the newest run of each flow, the newest first; of drift a run without pictures says nothing.

    :param runs: newest first
    """
    newest: dict[str, Digest] = {}
    for run in runs:
        newest.setdefault(run.flow, run)
    night = next(reversed(_nights(runs)), None)
    drifted = [night] if night and night.drifted else []
    found = [*(Alarm(run, "bad", f"drift: {', '.join(run.drifted)}") for run in drifted)]
    found += [alarm for run in newest.values() for alarm in _of(run)]
    return sorted(found, key=lambda alarm: alarm.run.run_id, reverse=True)


def _of(run: Digest) -> Iterator[Alarm]:
    if run.tone == "bad":
        yield Alarm(run, "bad", run.verdict)
    if run.promoted is False and run.state == "completed":
        yield Alarm(run, "note", f"model {run.model_version} not promoted: {run.reason}")
