"""The flow `promote`: a published model before the gate once more, or past it by force."""

from nightsort.config.gate import PromoteParams
from nightsort.reports.data import Report


def promote(params: PromoteParams) -> Report:
    """Judge it against the champion on the newest dataset version and move the champion if it wins."""
    raise NotImplementedError
