"""A published model is found in MLflow, with its cards and report, and the alias follows the champion."""

from pathlib import Path
from typing import Any

import pytest

from nightsort.config.training import TrainParams
from nightsort.learning.card import load_card
from tasks.mirror import mirror_champion, mirror_model
from tasks.notice import resource
from tasks.runs import Run

mlflow = pytest.importorskip("mlflow", reason="the extra mlflow is not installed")


def test_a_published_model_is_mirrored(
    trained: Any, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    monkeypatch.chdir(tmp_path)  # where MLflow keeps files, with a database of its own
    run, training = Run("train", TrainParams(storage=str(root))), trained.learned.training
    run.parts["training"] = training
    assert mirror_model(run, load_card(run.storage, 1), training) == []
    client, name = mlflow.MlflowClient(), resource(run.storage.root)
    version = client.get_model_version_by_alias(name, "champion")
    assert version.tags["nightsort.version"] == "1" and version.tags["nightsort.place"] == str(root / "models" / "1")
    logged = client.get_run(version.run_id)
    assert logged.info.status == "FINISHED" and logged.data.params["dataset_version"] == "1"
    assert logged.data.metrics["macro_f1"] == pytest.approx(training.scores.macro_f1)
    losses = client.get_metric_history(version.run_id, "train_loss")
    assert [loss.value for loss in losses] == pytest.approx([epoch.train_loss for epoch in training.history])
    files = {file.path for file in client.list_artifacts(version.run_id)}
    assert files == {"bundle.json", "card.json", "card.md", "report.html"}
    refused = training.model_copy(update={"decision": training.decision.model_copy(update={"promoted": False})})
    assert mirror_model(run, load_card(run.storage, 1).model_copy(update={"version": 2}), refused) == []
    assert client.get_model_version_by_alias(name, "champion").tags["nightsort.version"] == "1"
    assert mirror_champion(run, 2) == []
    assert client.get_model_version_by_alias(name, "champion").tags["nightsort.version"] == "2"
    assert "was published without MLflow" in mirror_champion(run, 9)[0]
