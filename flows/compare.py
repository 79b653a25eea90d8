"""The flow `compare`: one recipe with several strategies of balancing, side by side; nothing is published."""

from nightsort.config.search import CompareParams
from nightsort.dataset.versions import Dataset
from nightsort.errors import BusyError
from nightsort.learning.pretrained import initial_weights
from nightsort.learning.zoo import check_name
from nightsort.reports.data import Report
from tasks.compare import describe_comparison, plan_trainings, require_one, train_each
from tasks.compute import Workers
from tasks.lesson import load_pictures
from tasks.runs import Run
from tasks.side_by_side import placed


def compare(params: CompareParams) -> Report:
    """Decode once, train each strategy with each seed, score all on the same test pictures."""
    run = Run("compare", params)
    Dataset(run.storage).resolve(params.dataset_version)
    check_name(params.model)
    try:
        with run.lease("compare"), Workers(placed(params)) as workers:
            params, initial = initial_weights(run.storage, params)
            lesson = load_pictures(run, params, run.shared_scratch)
            planned = plan_trainings(run, params, lesson, initial)
            results = train_each(run, params, planned, workers)
            run.parts["compare"] = describe_comparison(params, lesson, planned, results)
            require_one(results)
    except BusyError as error:
        return run.skipped(str(error))
    return run.finished()
