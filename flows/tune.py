"""The flow `tune`: a search for the knobs that serve a dataset best, then a training with them."""

from flows.launch import subflow
from nightsort.config.search import TuneParams
from nightsort.dataset.versions import Dataset
from nightsort.errors import BusyError
from nightsort.learning.pretrained import initial_weights
from nightsort.learning.zoo import check_name
from nightsort.reports.data import Report
from tasks.compute import Workers
from tasks.lesson import load_pictures
from tasks.runs import Run
from tasks.side_by_side import placed
from tasks.tune import begin_search, describe_search, run_trials


def tune(params: TuneParams) -> Report:
    """Decode once, try knobs side by side, judge them by the validation split; then run `train` with the best."""
    run = Run("tune", params)
    Dataset(run.storage).resolve(params.dataset_version)
    check_name(params.model)
    try:
        with run.lease(f"study-{params.study}"):
            with Workers(placed(params)) as workers:
                params, initial = initial_weights(run.storage, params)
                lesson = load_pictures(run, params, run.shared_scratch)
                begun = begin_search(run, params, lesson, initial)
                before = run_trials(run, params, lesson, begun, workers)
                found = describe_search(run, params, lesson, begun, before)
            run.parts["tune"] = found.part
            best = found.require()
            if params.publish:
                trained = subflow("train", best)
                run.parts["training"] = trained.training
                done = trained.state == "completed"
                said = f"trained in run {trained.run_id}" if done else f"not trained: {trained.message}"
                run.parts["tune"] = found.part.model_copy(update={"published": said})
    except BusyError as error:
        return run.skipped(str(error))
    return run.finished()
