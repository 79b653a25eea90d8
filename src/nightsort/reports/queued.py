"""Owns the review queue as a page to look through.

Invariant: the page runs nothing, and loads nothing but the pictures beside it. Does not know how an answer is given.
"""

from collections.abc import Sequence
from datetime import datetime

from nightsort.reports.render import page
from nightsort.review.pictures import Shown
from nightsort.review.queue import REASONS
from nightsort.schema import place


def to_html(shown: Sequence[Shown], now: datetime) -> str:
    """The page, for the folder in which the pictures lie.

    :param now: when they were exported, UTC
    """
    counts = {reason: sum(reason in one.item.reasons for one in shown) for reason in REASONS}
    return page("queue.html", shown=shown, counts=counts, meanings=REASONS, now=now, place=place)
