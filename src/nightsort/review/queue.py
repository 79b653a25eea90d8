"""Owns the queue: which pictures are worth a person's look, why, and which come first.

Invariant: it is a view, worked out anew each time from predictions, signals and answers, and the same for the same
three; what was answered is not in it. Does not know where pictures lie, or who looks.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, get_args

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nightsort.review.keys import Keys, is_in, keys_of, lots
from nightsort.review.newest import PART, Batches, Labels, Newest, newest
from nightsort.review.signals import Heard, heard

Reason = Literal["margin", "disagreement", "drift", "audit"]

REASONS: dict[Reason, str] = {
    "margin": "the two most probable classes are close",
    "disagreement": "two models say different classes",
    "drift": "stranger than nearly all pictures the model was tried on",
    "audit": "drawn at random, so that confident mistakes are found too",
}
"""Why a picture is asked about."""

CLOSE = 0.5
"""A margin below this is close."""

STRANGE = 0.95
"""A strangeness from this on is strange: so far out lies one in twenty of the reference itself."""

_SHOWN = (
    "sha256", "path", "member", "size", "label", "confidence", "runner_up", "margin", "model_version",
    "classified_at",
)  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """Which part of the queue is wanted.

    :param count: pictures, at most
    :param since: only what was classified then or later
    :param run_id: only what this run classified
    """

    count: int = 200
    since: datetime | None = None
    run_id: str | None = None


@dataclass(frozen=True)
class Item:
    """A picture to ask about: its newest prediction, columns of the schema PREDICTIONS, and why it is asked about."""

    prediction: dict[str, Any]
    reasons: list[Reason]

    @property
    def sha256(self) -> str:
        """Of its bytes."""
        return str(self.prediction["sha256"])


@dataclass
class Queue:
    """What is open.

    :param items: those asked for, the most urgent first
    :param open: pictures in the whole queue with each reason; audit is all that nobody has answered
    """

    items: list[Item] = field(default_factory=list)
    open: dict[Reason, int] = field(default_factory=lambda: dict.fromkeys(REASONS, 0))


def queue(
    batches: Batches, predictions: int, signals: Iterator[pa.RecordBatch], closed: Keys, asked: Asked, size: int = PART
) -> Queue:
    """The queue. The reasons take turns: each gives its next picture, until there are as many as asked for.

    :param batches: of the predictions; called several times
    :param predictions: how many there are
    :param signals: of the schema SIGNALS
    :param closed: pictures that are not asked about, ascending
    :param size: predictions to hold at once, about
    """
    labels, found = Labels(), Queue()
    other = heard(signals, labels)
    rankings = {reason: _Ranking(asked.count) for reason in REASONS}
    parts = math.ceil(predictions / size) or 1
    for part in range(parts):
        pictures = newest(batches, labels, closed, asked.run_id, part, parts)
        scores = _scores(pictures, other, asked)
        bits = sum((1 << place) * (scores[reason] >= 0) for place, reason in enumerate(REASONS))
        for reason, score in scores.items():
            found.open[reason] += int((score >= 0).sum())
            rankings[reason].add(pictures.keys, score, np.asarray(bits, np.uint8))
    chosen = _by_turns({reason: rankings[reason] for reason in REASONS}, asked.count)
    rows = predictions_of(batches, np.array(list(chosen), np.uint64))
    found.items = [Item(rows[key], reasons) for key, reasons in chosen.items() if key in rows]
    return found


def _scores(pictures: Newest, other: Heard, asked: Asked) -> dict[Reason, NDArray[np.float64]]:
    """How urgent each picture is for each reason, 0 to 1; -1 where the reason is none."""
    strangeness, dissent = other.of(pictures)
    scores: dict[Reason, NDArray[np.float64]] = {
        "margin": np.where(pictures.margins < CLOSE, 1 - pictures.margins.astype(np.float64), -1),
        "disagreement": np.maximum(pictures.dissent, dissent).astype(np.float64),
        "drift": np.where(strangeness >= STRANGE, strangeness.astype(np.float64), -1),
        "audit": lots(pictures.keys) / 2.0**64,
    }
    others = ~pictures.of_run
    if asked.since is not None:
        others |= pictures.since < round(asked.since.timestamp() * 1e6)
    for score in scores.values():
        score[others] = -1
    return scores


class _Ranking:
    """The most urgent pictures of those that were added, with the bits of all their reasons."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._keys, self._scores, self._bits = np.empty(0, np.uint64), np.empty(0), np.empty(0, np.uint8)

    def add(self, keys: Keys, scores: NDArray[np.float64], bits: NDArray[np.uint8]) -> None:
        if not self._count:
            return
        counts = scores >= 0
        keys = np.concatenate([self._keys, keys[counts]])
        scores = np.concatenate([self._scores, scores[counts]])
        bits = np.concatenate([self._bits, bits[counts]])
        if len(scores) > self._count:  # to sort a handful is quick
            near = scores >= np.partition(scores, -self._count)[-self._count]
            keys, scores, bits = keys[near], scores[near], bits[near]
        best = np.lexsort((keys, -scores))[: self._count]
        self._keys, self._scores, self._bits = keys[best], scores[best], bits[best]

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return iter(zip(self._keys.tolist(), self._bits.tolist(), strict=True))


def _by_turns(rankings: dict[Reason, _Ranking], count: int) -> dict[int, list[Reason]]:
    """Key and reasons of the pictures chosen, in their order. Drawn at random is only who was drawn for that."""
    chosen: dict[int, list[Reason]] = {}
    waiting = {reason: iter(ranking) for reason, ranking in rankings.items()}
    while waiting and len(chosen) < count:
        for reason in list(waiting):
            following = next(((key, bits) for key, bits in waiting[reason] if key not in chosen), None)
            if following is None:
                del waiting[reason]
            elif len(chosen) < count:
                chosen[following[0]] = _named(following[1], reason)
    return chosen


def _named(bits: int, drawn: Reason) -> list[Reason]:
    reasons: tuple[Reason, ...] = get_args(Reason)
    return [
        reason for place, reason in enumerate(reasons) if bits >> place & 1 and (reason != "audit" or drawn == "audit")
    ]


def predictions_of(batches: Batches, keys: Keys) -> dict[int, dict[str, Any]]:
    """The newest prediction of each of these pictures that has one, by its key."""
    found: dict[int, dict[str, Any]] = {}
    wanted = np.unique(keys)
    for batch in batches(_SHOWN) if len(wanted) else ():
        some = keys_of(batch["sha256"])
        ours = np.flatnonzero(is_in(some, wanted))
        for key, row in zip(some[ours].tolist(), batch.take(pa.array(ours)).to_pylist(), strict=True):
            if key not in found or row["classified_at"] >= found[key]["classified_at"]:
                found[key] = row
    return found
