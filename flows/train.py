"""The flow `train`: a dataset version in, a model judged against the champion out."""

from pathlib import Path
from tempfile import TemporaryDirectory

from nightsort.config.training import TrainParams
from nightsort.dataset.versions import Dataset
from nightsort.errors import BusyError
from nightsort.reports.data import Report
from tasks.runs import Run
from tasks.train import (
    describe_training,
    fit_network,
    judge_challenger,
    load_pictures,
    measure_backends,
    publish_bundle,
    score_test,
)


def train(params: TrainParams) -> Report:
    """Decode, balance and fit, score the test split, publish, measure what can compute it, judge."""
    run = Run("train", params)
    Dataset(run.storage).resolve(params.dataset_version)
    try:
        with run.lease("models") as lease, TemporaryDirectory(prefix="nightsort-") as scratch:
            folder = Path(scratch)
            lesson = load_pictures(run, params, folder)
            fitted = fit_network(run, params, lesson)
            scored, scores = score_test(run, lesson, fitted)
            card = publish_bundle(run, params, lesson, fitted, scores)
            record = measure_backends(run, params, lesson, fitted, card)
            decision = judge_challenger(run, params, lesson, scored, card, lease)
            run.parts["training"] = describe_training(params, lesson, fitted, card, record, scores, decision)
    except BusyError as error:
        return run.skipped(str(error))
    return run.finished()
