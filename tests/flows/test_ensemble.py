"""Ensemble: published models become one, which is published, judged and described as any other."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from flows.classify import classify
from flows.ensemble import ensemble
from flows.promote import promote
from flows.train import train
from nightsort.config.gate import PromoteParams
from nightsort.config.intake import ClassifyParams
from nightsort.config.search import EnsembleParams
from nightsort.config.training import TrainParams
from nightsort.errors import ModelError
from nightsort.learning import bundle
from nightsort.learning.registry import Registry
from nightsort.scoring.ledger import Ledger
from nightsort.storage import Storage
from tests.flows.conftest import Pictures, Trained
from tests.holding import another_process


@pytest.fixture(scope="module")
def two(trained: Trained, quick: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A storage root with two models of one dataset."""
    root = Path(shutil.copytree(trained.root, tmp_path_factory.mktemp("two") / "root"))
    learned = train(TrainParams(storage=str(root), workers=1, **{**quick, "epochs": 1, "seed": 1}))
    assert learned.state == "completed"
    return root


@pytest.fixture
def root(two: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(two, tmp_path / "root"))


def asked(root: Path, **changes: Any) -> EnsembleParams:
    """Both models by their mean, computed by torch alone."""
    return EnsembleParams(
        **{"storage": str(root), "models": [1, 2], "combine": "mean", "backends": ["torch-fp32"]} | changes
    )


def test_two_models_become_a_third_that_is_judged_against_the_champion(root: Path) -> None:
    report = ensemble(asked(root))
    storage = Storage(str(root))
    assert report.state == "completed" and Registry(storage).versions() == [1, 2, 3]
    card = bundle.load(storage, 3).card
    assert card.model == "mean of 1, 2" and card.classes == bundle.load(storage, 1).card.classes
    assert report.training and report.training.model_version == 3
    assert report.training.decision.champion_version == 1
    assert Registry(storage).champion() == (3 if report.training.decision.promoted else 1)


@pytest.mark.usefixtures("inline")
def test_the_combination_classifies_as_any_model_does(root: Path, pictures: Pictures, tmp_path: Path) -> None:
    ensemble(asked(root, combine="vote", models=[2, 1]))
    drop = pictures.plain(tmp_path / "drop", 6)
    promote(PromoteParams(storage=str(root), model=3, force=True, who="ada", why="to see it classify"))
    night = ClassifyParams(source=str(drop.folder), storage=str(root), settle_seconds=0, sample=0)
    assert classify(night).state == "completed"
    rows = Ledger(Storage(str(root))).predictions("path", "label", "model_version").to_pylist()
    assert {Path(row["path"]).name: row["label"] for row in rows} == drop.truth
    assert {row["model_version"] for row in rows} == {3}


@pytest.mark.parametrize(("models", "fault"), [([1, 7], "7"), ([1, 1], "1, 1: one of them is named twice")])
def test_members_that_cannot_be_combined_are_named_and_nothing_is_published(
    models: list[int], fault: str, root: Path
) -> None:
    with pytest.raises(ModelError, match=fault):
        ensemble(asked(root, models=models))
    assert Registry(Storage(str(root))).versions() == [1, 2]


def test_while_another_trains_it_is_skipped(root: Path) -> None:
    with another_process(Storage(str(root)), "models") as other:
        report = ensemble(asked(root))
    assert report.state == "skipped" and f"process {other.pid}" in report.message
