"""The flow `train`: a dataset version in, a model judged against the champion out."""

from flows.published import judge_published
from nightsort.config.training import TrainParams
from nightsort.dataset.versions import Dataset
from nightsort.errors import BusyError
from nightsort.learning.checkpoint import Checkpoints
from nightsort.learning.pretrained import initial_weights
from nightsort.learning.zoo import check_name
from nightsort.reports.data import Report
from tasks.lesson import load_pictures
from tasks.publishing import publish_bundle, score_test
from tasks.runs import Run
from tasks.train import fit_model


def train(params: TrainParams) -> Report:
    """Decode, balance and fit, score the test split, publish, measure what can compute it, judge."""
    run = Run("train", params)
    Dataset(run.storage).resolve(params.dataset_version)
    check_name(params.model)
    try:
        with run.lease("models") as lease:
            params, initial = initial_weights(run.storage, params)
            lesson = load_pictures(run, params, run.scratch)
            checkpoints = Checkpoints.of(run.storage, params, lesson.classes, lesson.train, lesson.validation, initial)
            fitted = fit_model(run, params, lesson, initial, checkpoints)
            scored = score_test(run, params, lesson, fitted)
            card = publish_bundle(run, params, lesson, fitted, scored, params.model, params.balance)
            checkpoints.clear()
            judge_published(run, params, lesson, fitted, scored, card, lease)
    except BusyError as error:
        return run.skipped(str(error))
    return run.finished()
