"""Owns what the flow `promote` adds to a report: a published model before the gate once more.

Invariant: a champion that was moved past the gate says by whom, and why. Does not know how it will look.
"""

from pydantic import BaseModel

from nightsort.evaluation.scores import Decision
from nightsort.learning.registry import How


class PromotionPart(BaseModel):
    """What became of a published model."""

    model_version: int
    before: int | None  # champion before
    after: int | None  # champion now
    how: How
    who: str
    why: str
    decision: Decision | None = None  # None where nothing was judged
    notes: list[str] = []

    @property
    def is_moved(self) -> bool:
        """Whether it became champion by this."""
        return self.after == self.model_version != self.before
