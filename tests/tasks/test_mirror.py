"""MLflow is told of models where it is there and asked for, and whatever it does, a run goes on."""

import os
import sys
from collections import namedtuple
from collections.abc import Iterator
from datetime import UTC, datetime
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from nightsort.evaluation.scores import Decision, Scores
from nightsort.learning.card import Card
from nightsort.learning.history import Epoch
from nightsort.reports.learned import TrainingPart
from tasks import mirror
from tasks.mirror import mirror_champion, mirror_model
from tasks.notice import resource
from tasks.runs import Run

CARD = Card.model_construct(version=4, created=datetime(2026, 1, 1, tzinfo=UTC), run_id="r4", dataset_version=2)
SCORES = Scores(
    pictures=9, accuracy=0.9, balanced_accuracy=0.8, macro_f1=0.7, calibration_error=0.1, classes=[], confusion=[]
)
Metric, Param = namedtuple("Metric", "key value timestamp step"), namedtuple("Param", "key value")


class Refused(Exception):
    """What MLflow raises."""

    def __init__(self, error_code: str) -> None:
        super().__init__(error_code)
        self.error_code = error_code


class Server:
    """What MlflowClient is asked for here, kept in memory; stands in where MLflow is not installed."""

    def __init__(self) -> None:
        self.experiments: list[str] = []
        self.runs: list[dict[str, Any]] = []
        self.metrics: list[Any] = []
        self.params: list[Any] = []
        self.batches: list[int] = []
        self.texts: dict[str, str] = {}
        self.registered: dict[str, str] = {}
        self.versions: list[Any] = []
        self.aliases: dict[tuple[str, str], str] = {}
        self.ended: list[str] = []

    def get_experiment_by_name(self, name: str) -> Any:
        return SimpleNamespace(experiment_id=f"id of {name}") if name in self.experiments else None

    def create_experiment(self, name: str) -> str:
        self.experiments.append(name)
        return f"id of {name}"

    def create_run(self, experiment: str, **words: Any) -> Any:
        self.runs.append({"experiment": experiment, **words})
        return SimpleNamespace(info=SimpleNamespace(run_id="m1", artifact_uri="artifacts/m1"))

    def log_batch(self, identity: str, metrics: list[Any], params: list[Any]) -> None:
        self.batches.append(len(metrics))
        self.metrics += metrics
        self.params += params

    def log_text(self, identity: str, text: str, name: str) -> None:
        self.texts[name] = text

    def set_terminated(self, identity: str) -> None:
        self.ended.append(identity)

    def create_registered_model(self, name: str, description: str) -> None:
        if name in self.registered:
            raise Refused("RESOURCE_ALREADY_EXISTS")
        self.registered[name] = description

    def create_model_version(self, name: str, source: str, run_id: str, tags: dict[str, str]) -> None:
        self.versions.append(SimpleNamespace(name=name, source=source, run_id=run_id, tags=tags, version="7"))

    def search_model_versions(self, wanted: str) -> list[Any]:
        return [item for item in self.versions if wanted == f"name='{item.name}'"]

    def set_registered_model_alias(self, name: str, alias: str, version: str) -> None:
        self.aliases[name, alias] = version


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """MLflow is installed and asked for."""
    there = Server()
    modules: dict[str, dict[str, Any]] = {
        "mlflow": {"MlflowClient": lambda: there},
        "mlflow.entities": {"Metric": Metric, "Param": Param},
        "mlflow.exceptions": {"MlflowException": Refused},
    }
    for name, holds in modules.items():
        module = ModuleType(name)
        module.__dict__.update(holds)
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    for name in ("MLFLOW_EXPERIMENT_NAME", *mirror._DEFAULTS):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://mlflow")
    yield there
    for name in mirror._DEFAULTS:
        os.environ.pop(name, None)


def learned(run: Run, promoted: bool, epochs: int = 2) -> TrainingPart:
    """What a training says of itself, which is in the report, too."""
    history = [
        Epoch(
            epoch=n, train_loss=1 / n, validation_loss=1, validation_accuracy=0.5, validation_macro_f1=0.4,
            learning_rate=0.1, seconds=1,
        )
        for n in range(1, epochs + 1)
    ]  # fmt: skip
    decision = Decision(promoted=promoted, reason="because", challenger_macro_f1=0.7)
    return TrainingPart.model_construct(decision=decision, scores=SCORES, history=history)


def test_a_model_is_logged_registered_and_made_champion(
    run: Run, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirror, "to_html", lambda report: f"report of {report.run_id}")
    run.storage.write_bytes("models/4/bundle.json", b"{}")
    assert mirror_model(run, CARD, learned(run, promoted=True)) == []
    name, place = resource(run.storage.root), run.storage.locate("models/4")
    tags = {"nightsort.version": "4", "nightsort.place": place, "nightsort.run_id": "r4"}
    assert server.runs == [
        {
            "experiment": "id of nightsort",
            "start_time": int(1000 * run.started.timestamp()),
            "run_name": "model 4",
            "tags": tags,
        }
    ]
    assert server.registered == {name: f"The models of {run.storage.root}"}
    (version,) = server.versions
    assert (version.name, version.source, version.run_id, version.tags) == (name, "artifacts/m1", "m1", tags)
    assert server.aliases == {(name, "champion"): version.version} and server.ended == ["m1"]
    assert server.texts == {"bundle.json": "{}", "report.html": f"report of {run.id}"}
    assert Param("dataset_version", "2") in server.params and Param("storage", run.storage.root) in server.params
    assert Metric("macro_f1", 0.7, 1767225600000, 0) in server.metrics
    losses = [(item.step, item.value) for item in server.metrics if item.key == "train_loss"]
    assert losses == [(1, 1.0), (2, 0.5)] and os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] == "1"


def test_a_refused_model_is_logged_beside_the_others(run: Run, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mirror, "to_html", lambda report: "")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "screws")
    for _ in range(2):
        assert mirror_model(run, CARD, learned(run, promoted=False, epochs=600)) == []
    assert server.experiments == ["screws"] and len(server.registered) == 1 and len(server.versions) == 2
    assert server.batches == [1000, 207] * 2, "no more at a time than the server takes"
    assert len(server.params) == 2 * len({param.key for param in server.params}), "once a run"
    assert server.aliases == {}


def test_a_registry_that_refuses_is_noted(run: Run, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mirror, "to_html", lambda report: "")
    monkeypatch.setattr(server, "create_registered_model", lambda *_, **__: (_ for _ in ()).throw(Refused("NO_ROOM")))
    assert mirror_model(run, CARD, learned(run, promoted=True)) == ["MLflow was not told: Refused: NO_ROOM"]


def test_a_model_that_mlflow_never_heard_of_cannot_be_champion_there(run: Run, server: Server) -> None:
    (note,) = mirror_champion(run, 9)
    assert note.startswith("MLflow was not told: LookupError: model 9 was published without MLflow")


class Fails:
    """An MLflow that does nothing but fail."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError("no answer from postgresql://me:secret@db")


def test_nobody_asked(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert mirror_champion(run, 1) == []


def test_an_mlflow_that_is_missing_or_fails_is_noted(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "postgresql://me:secret@db")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert mirror_champion(run, 1) == [
        "MLFLOW_TRACKING_URI is set, but MLflow is not installed: pip install 'nightsort[mlflow]'"
    ]
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    monkeypatch.setattr(mirror, "_client", Fails)
    (note,) = mirror_champion(run, 1)
    assert note == "MLflow was not told: RuntimeError: no answer from MLFLOW_TRACKING_URI"
