"""The flow `tune`: trials that count once, a search that goes on, a training with the best."""

import shlex
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from flows.ingest import ingest
from flows.tune import tune
from nightsort.config.intake import IngestParams
from nightsort.config.search import TuneParams
from nightsort.config.training import TrainParams
from nightsort.errors import ConfigError, RunError, TrainingError
from nightsort.learning import search
from nightsort.learning.fit import fit
from nightsort.reports import store
from nightsort.reports.data import Report
from nightsort.storage import Storage

RECIPE: dict[str, Any] = {"image_size": 16, "epochs": 1, "batch_size": 16, "workers": 1, "publish": False}


@pytest.fixture(autouse=True)
def _inline(inline: None, inline_workers: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.tune.Workers", inline_workers)


@pytest.fixture
def tail(tmp_path: Path, pictures: Any) -> Storage:
    """A storage root with two classes, and nothing learned from them."""
    source = pictures.labelled(tmp_path / "labelled", {"red": 30, "green": 20})
    storage = Storage(str(tmp_path / "root"))
    ingest(IngestParams(source=str(source), storage=storage.root, settle_seconds=0))
    return storage


@pytest.fixture
def run(tail: Storage) -> Callable[..., Report]:
    def start(trials: int, names: str = "learning_rate,mixup", **changes: Any) -> Report:
        given = {"storage": tail.root, "trials": trials, "search": names}
        return tune(TuneParams.model_validate(given | RECIPE | changes))

    return start


def states(storage: Storage) -> list[str]:
    """The states of all trials of the study, in their order."""
    journal = optuna.storages.journal.JournalFileBackend(storage.locate("studies/default.log"))
    study = optuna.load_study(study_name="search", storage=optuna.storages.JournalStorage(journal))
    return [trial.state.name for trial in study.trials]


def test_a_search_goes_on_where_it_was(run: Callable[..., Report], tail: Storage) -> None:
    first = run(2)
    assert first.tune and (first.tune.trials, first.tune.complete, first.tune.resumed) == (2, 2, 0)
    again = run(3)
    assert again.tune and (again.tune.trials, again.tune.resumed) == (3, 2)
    assert states(tail) == ["COMPLETE"] * 3
    by_number = sorted(again.tune.rows, key=lambda row: row.number)
    assert by_number[0].knobs == {"learning_rate": "0.003", "mixup": "0.2"}  # what was given
    assert len({row.knobs["learning_rate"] for row in by_number}) == 3
    assert again.tune.best == again.tune.rows[0] and again.tune.best.value == max(
        again.tune.values, key=lambda v: v or 0
    )
    words = shlex.split(again.tune.command)
    assert words[:2] == ["nightsort", "train"] and words[words.index("--dataset-version") + 1] == "1"
    assert not tail.exists("models") and tail.names("checkpoints") == []
    assert 'id="search"' in Path(store.location(again)).read_text()


def test_what_cannot_be_compared_is_refused(run: Callable[..., Report]) -> None:
    run(1)
    for changes, said in (
        ({"epochs": 2}, "study default: was begun with epochs 1, not 2; "),
        ({"names": "learning_rate,ema"}, r"was begun with other search \(with mixup; without ema\); "),
        ({"names": "learning_rate"}, r"was begun with other search \(with mixup\); give it the same"),
    ):
        with pytest.raises(ConfigError, match=said) as caught:
            run(2, **changes)
        assert len(caught.value.lines) == 1


def test_a_trial_that_died_with_its_run_is_tried_again(run: Callable[..., Report], tail: Storage) -> None:
    run(1)
    file = Path(tail.locate("studies/default.log"))
    left = search.Search(str(file), TrainParams(), ["learning_rate", "mixup"])
    knobs = left.study(7).ask(left.spaces).params
    with file.open("ab") as journal:
        journal.write(b'{"op_code":5,"wor')  # as kill -9 leaves it
    report = run(2)
    assert states(tail) == ["COMPLETE", "FAIL", "COMPLETE"]
    assert report.tune and (report.tune.trials, report.tune.complete, report.tune.failed) == (2, 2, 0)
    (retried,) = [row for row in report.tune.rows if row.number == 2]
    assert retried.knobs == {name: f"{value:.4g}" for name, value in knobs.items()}


def test_a_trial_that_fails_is_no_end_unless_all_do(
    run: Callable[..., Report], monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = 0

    def fails_first(*args: Any, **kwargs: Any) -> Any:
        nonlocal counted
        counted += 1
        if counted == 1:
            raise TrainingError("epoch 1, batch 2: the loss is nan")
        return fit(*args, **kwargs)

    monkeypatch.setattr("nightsort.learning.resumption.fit", fails_first)
    with pytest.raises(RunError, match="none of 1 trials was completed; TrainingError: epoch 1, batch 2"):
        run(1)
    report = run(2)
    assert report.tune and (report.tune.complete, report.tune.failed) == (1, 1)
    assert [row.why for row in report.tune.rows] == ["", "TrainingError: epoch 1, batch 2: the loss is nan"]


def test_a_trial_without_hope_is_pruned(run: Callable[..., Report], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("optuna.pruners.MedianPruner", lambda *_: optuna.pruners.ThresholdPruner(lower=2.0))
    with pytest.raises(RunError, match="each was pruned"):
        run(1)


def test_the_best_is_trained_and_judged_at_the_end(
    run: Callable[..., Report], tail: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, TrainParams]] = []

    def trains(name: str, params: TrainParams) -> Report:
        asked.append((name, params))
        now = datetime.now(UTC)
        facts = {"state": "skipped", "storage": tail.root, "parameters": {}, "started": now, "finished": now}
        return Report.model_validate({"run_id": "r", "flow": "train", "message": "another run trains"} | facts)

    monkeypatch.setattr("flows.tune.subflow", trains)
    report = run(1, publish=True, seed=3)
    ((name, params),) = asked
    assert name == "train" and type(params) is TrainParams and (params.dataset_version, params.seed) == (1, 3)
    assert report.tune and report.tune.best and f"{params.learning_rate:.4g}" == report.tune.best.knobs["learning_rate"]
    assert report.state == "completed" and report.tune.published == "not trained: another run trains"


def test_abandoned_is_who_left_no_reason() -> None:
    def trial(state: TrialState, **attributes: str) -> Any:
        return optuna.trial.create_trial(
            state=state, value=1.0 if state == TrialState.COMPLETE else None, user_attrs=attributes
        )

    kinds = [trial(TrialState.FAIL), trial(TrialState.FAIL, why="nan"), trial(TrialState.COMPLETE)]
    assert [search.is_abandoned(kind) for kind in kinds] == [True, False, False]
