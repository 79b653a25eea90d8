"""Owns what the flow `promote` adds to a report: a published model before the gate once more.

Invariant: a champion that was moved past the gate says by whom, and why. Does not know how it will look.
"""

from pydantic import BaseModel

from nightsort.evaluation.scores import Decision


class PromotionPart(BaseModel):
    """What became of a published model."""

    model_version: int
    before: int | None  # champion before
    after: int | None  # champion now
    how: str  # judged, forced or rolled back
    who: str
    why: str
    decision: Decision | None = None  # None where nothing was judged
