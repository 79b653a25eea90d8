"""Owns the stages that tell MLflow of models, where it is installed and MLFLOW_TRACKING_URI is set.

Invariant: the storage root is what counts; an MLflow that fails never fails a run, and is noted.
Does not know what a model is judged by.

MLflow has a run for each published model, and a version of one registered model for each storage root. The weights
stay where they are: the version is tagged with their place.
"""

import importlib.util
import os
from collections.abc import Callable
from typing import Any

from nightsort.learning.card import Card
from nightsort.reports.learned import TrainingPart
from nightsort.reports.render import to_html
from tasks.notice import resource
from tasks.runs import Run
from tasks.stage import stage

_EXPERIMENT = "nightsort"
_VERSION, _PLACE, _RUN = "nightsort.version", "nightsort.place", "nightsort.run_id"
_FIGURES = ("accuracy", "balanced_accuracy", "macro_f1", "macro_precision", "macro_recall", "log_loss")
_CARDS = ("bundle.json", "card.json", "card.md")
_LONGEST = 500  # characters of a value
_DEFAULTS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",  # a server that is gone must not hold up a training for long
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
}


@stage(retries=0)
def mirror_model(run: Run, card: Card, training: TrainingPart) -> list[str]:
    """Log a published model with its card and report, and register it; notes for the report."""

    def tell(client: Any) -> None:
        logged = _log(client, run, card, training)
        _register(client, run, card, logged)
        if training.decision.promoted:
            _point(client, run, card.version)

    return _told(tell)


@stage(retries=0)
def mirror_champion(run: Run, version: int) -> list[str]:
    """Move the alias `champion` after a promotion or a rollback; notes for the report."""
    return _told(lambda client: _point(client, run, version))


def _told(tell: Callable[[Any], None]) -> list[str]:
    """What went wrong; empty if nothing did, or nobody asked for MLflow."""
    address = os.environ.get("MLFLOW_TRACKING_URI")
    if not address:
        return []
    if importlib.util.find_spec("mlflow") is None:
        return ["MLFLOW_TRACKING_URI is set, but MLflow is not installed: pip install 'nightsort[mlflow]'"]
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(name, value)
    try:
        tell(_client())
    except Exception as error:  # whatever its store, its server or its plugins raise
        said = str(error).replace(address, "MLFLOW_TRACKING_URI")  # which may hold a password
        return [f"MLflow was not told: {type(error).__name__}: {said[:_LONGEST]}"]
    return []


def _client() -> Any:
    from mlflow import MlflowClient  # takes seconds, and most do not have it

    return MlflowClient()


def _log(client: Any, run: Run, card: Card, training: TrainingPart) -> Any:
    """An MLflow run of its parameters, figures, epochs, cards and report."""
    from mlflow.entities import Metric, Param

    name = os.environ.get("MLFLOW_EXPERIMENT_NAME", _EXPERIMENT)
    found = client.get_experiment_by_name(name)
    begun = client.create_run(
        found.experiment_id if found else client.create_experiment(name),
        start_time=_milliseconds(run.started),
        run_name=f"model {card.version}",
        tags=_tags(run, card),
    )
    at, identity = _milliseconds(card.created), begun.info.run_id
    knobs = {"dataset_version": card.dataset_version, **run.params.model_dump(mode="json", exclude_none=True)}
    params = [Param(key, str(value)[:_LONGEST]) for key, value in knobs.items()]
    scores = training.scores
    figures = {key: getattr(scores, key) for key in _FIGURES} | {"calibration_error": scores.calibration_error}
    metrics = [Metric(key, float(value), at, 0) for key, value in figures.items()]
    for epoch in training.history:
        shown = {"train_loss": epoch.train_loss, "validation_macro_f1": epoch.validation_macro_f1}
        metrics += [Metric(key, float(value), at, epoch.epoch) for key, value in shown.items()]
    for start in range(0, len(metrics), 1000):  # at a time, as the server takes them
        client.log_batch(identity, metrics=metrics[start : start + 1000], params=params if not start else [])
    for file in _CARDS:
        place = f"models/{card.version}/{file}"
        if run.storage.exists(place):
            client.log_text(identity, run.storage.read_bytes(place).decode(), file)
    client.log_text(identity, to_html(run.so_far()), "report.html")
    client.set_terminated(identity)
    return begun


def _register(client: Any, run: Run, card: Card, logged: Any) -> None:
    from mlflow.exceptions import MlflowException

    name = resource(run.storage.root)
    try:
        client.create_registered_model(name, description=f"The models of {run.storage.root}")
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    identity, place = logged.info.run_id, logged.info.artifact_uri
    client.create_model_version(name, source=place, run_id=identity, tags=_tags(run, card))


def _point(client: Any, run: Run, version: int) -> None:
    """Give the alias `champion` to the version of a model."""
    name = resource(run.storage.root)
    found = [item for item in client.search_model_versions(f"name='{name}'") if item.tags.get(_VERSION) == str(version)]
    if not found:
        raise LookupError(f"model {version} was published without MLflow, so that no version can be champion there")
    client.set_registered_model_alias(name, "champion", found[0].version)


def _tags(run: Run, card: Card) -> dict[str, str]:
    place = run.storage.locate(f"models/{card.version}")
    return {_VERSION: str(card.version), _PLACE: place, _RUN: card.run_id}


def _milliseconds(moment: Any) -> int:
    return int(1000 * moment.timestamp())
