"""The flow `ensemble`: published models in, one that combines them out, judged against the champion."""

from flows.published import judge_published
from nightsort.config.search import EnsembleParams
from nightsort.errors import BusyError
from nightsort.reports.data import Report
from tasks.ensemble import combine_members, load_members
from tasks.lesson import load_pictures
from tasks.publishing import publish_bundle, score_test
from tasks.runs import Run


def ensemble(params: EnsembleParams) -> Report:
    """Load the members, combine them by the validation split, then as after a training."""
    run = Run("ensemble", params)
    try:
        with run.lease("models") as lease:
            members = load_members(run, params)
            lesson = load_pictures(run, params, run.scratch, members[0].card.image_size)
            fitted = combine_members(run, params, lesson, members)
            scored = score_test(run, params, lesson, fitted)
            name = f"{params.combine} of {', '.join(map(str, params.models))}"
            card = publish_bundle(run, params, lesson, fitted, scored, name, members[0].card.balance)
            judge_published(run, params, lesson, fitted, scored, card, lease)
    except BusyError as error:
        return run.skipped(str(error))
    return run.finished()
