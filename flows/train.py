"""The flow `train`: a dataset version in, a model judged against the champion out."""

from pathlib import Path
from tempfile import TemporaryDirectory

from prefect import flow

from nightsort.config import TrainParams
from nightsort.dataset.versions import Dataset
from nightsort.errors import BusyError
from nightsort.reports.data import Report
from tasks.runs import Run
from tasks.train import describe_training, fit_network, judge_challenger, load_pictures, publish_bundle, score_test


@flow(name="train", description="Train a model on a dataset version; the gate decides whether it becomes champion.")
def train(params: TrainParams) -> Report:
    """Decode, balance and fit, score the test split, publish, judge."""
    run = Run("train", params)
    Dataset(run.storage).resolve(params.dataset_version)
    try:
        with run.lease("models"), TemporaryDirectory(prefix="nightsort-") as scratch:
            folder = Path(scratch)
            lesson = load_pictures(run, params, folder)
            fitted = fit_network(run, params, lesson)
            scored, scores = score_test(run, lesson, fitted)
            card = publish_bundle(run, params, lesson, fitted, scores)
            decision = judge_challenger(run, params, lesson, scored, card)
            run.parts["training"] = describe_training(params, lesson, fitted, card, scores, decision)
    except BusyError as error:
        return run.skipped(str(error))
    return run.finished()
