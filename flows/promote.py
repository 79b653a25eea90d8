"""The flow `promote`: a published model before the gate once more, past it by force, or the champion before back."""

from nightsort.config.gate import PromoteParams
from nightsort.errors import BusyError
from nightsort.reports.data import Report
from tasks.promoting import check_asked, force, judge_again, roll_back, tell_of_champion
from tasks.runs import Run


def promote(params: PromoteParams) -> Report:
    """Judge it against the champion on the newest dataset version and move the champion if it wins."""
    check_asked(params)
    run = Run("promote", params)
    step = roll_back if params.rollback else force if params.force else judge_again
    try:
        with run.lease("models") as lease:
            part = step(run, params, lease)
            run.parts["promotion"] = part
            run.parts["promotion"] = tell_of_champion(run, part)
    except BusyError as error:
        return run.skipped(str(error))
    return run.finished()
