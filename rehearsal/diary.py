"""Owns the diary of a month: each night with its report, and what people noticed and did.

Invariant: plain facts; what a report says is kept as its data. Does not know whether anything is as it should be.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from rehearsal.drops import Delivery


@dataclass
class Night:
    """A night, and what came of it."""

    delivery: Delivery
    report: dict[str, Any] | None = None  # None: it was cut off
    training: dict[str, Any] | None = None  # report of the training that followed, if one did
    odd: list[str] = field(default_factory=list)  # why people looked closer
    happened: list[str] = field(default_factory=list)  # in words


@dataclass
class Diary:
    """All that happened, as the script saw it."""

    nights: list[Night] = field(default_factory=list)
    dark_noticed: int | None = None  # day
    unseen_noticed: int | None = None
    answered: Counter[str] = field(default_factory=Counter)  # by people.answer
    cut_at: int = 0  # predictions that were committed when the power failed
    flipped: set[str] = field(default_factory=set)  # names of the files with a wrong label
    models: dict[str, Any] = field(default_factory=dict)  # at the end

    def reports(self) -> list[dict[str, Any]]:
        """Of the nights that came to their end."""
        return [night.report for night in self.nights if night.report]
