"""Owns what a training reports of the labels that arrived since the champion's: how many are odd, and which.

Invariant: bounded, and it names pictures, not only numbers. Does not know how suspicion arises.
"""

from pydantic import BaseModel

from nightsort.reports.formats import count, percent, plural
from nightsort.reports.shown import Thumbnail

MAX_SUSPECTS = 24
"""Suspects shown in a report."""


class SuspicionPart(BaseModel):
    """What is odd about the labels that arrived since the champion was trained."""

    arrived: int  # labels, of classes that the champion knows
    looked_at: int = 0  # of them, those that the champion was asked about
    contradicting: int  # of these, those whose label it denies while it is sure of another
    expected: float  # the same share among the pictures that were held out from it
    wrong: float = 0.0  # estimated share of wrong labels among those that arrived
    repeated: int = 0  # arrivals that are near-duplicates of one single picture, of the most repeated one
    suspects: list[Thumbnail] = []  # at most MAX_SUSPECTS; label: as given, runner_up: what the champion sees
    veto: str = ""  # why no model trained on them may be promoted; empty where nothing is too odd
    notes: list[str] = []


def gist(part: SuspicionPart) -> str:
    """The figures in a sentence."""
    if not part.looked_at:
        return "No label arrived of a class that the champion knows."
    some = f"{count(part.looked_at)} of " if part.looked_at < part.arrived else ""
    return (
        f"Of {some}{plural(part.arrived, 'label')} that arrived since the champion's, it denies "
        f"{count(part.contradicting)} ({percent(part.contradicting / part.looked_at)}) while it is sure of another "
        f"class; of pictures held out from it {percent(part.expected)}."
    )
