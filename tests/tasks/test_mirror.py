"""MLflow is told of models where it is there and asked for, and whatever it does, a run goes on."""

from typing import Any

import pytest

from tasks import mirror
from tasks.mirror import mirror_champion
from tasks.runs import Run


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
