"""What a report says of a search."""

import shlex
from typing import Any

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from nightsort.config.training import TrainParams
from nightsort.reports import tuned
from nightsort.reports.learned import MAX_TRIALS, MAX_VALUES, TunePart

SPACES = {
    "learning_rate": FloatDistribution(1e-4, 1e-1, log=True),
    "augment": CategoricalDistribution(["none", "rand"]),
}


def trial(value: float | None, state: TrialState = TrialState.COMPLETE, rate: float = 0.01, **more: Any) -> FrozenTrial:
    """A trial that reached so much in two epochs."""
    return create_trial(
        state=state,
        value=value if state == TrialState.COMPLETE else None,
        params={"learning_rate": rate, "augment": "rand"},
        distributions=SPACES,
        intermediate_values={1: 0.1, 2: value or 0.2},
        user_attrs={"seconds": 3.0} | more,
    )


def part(*trials: FrozenTrial) -> TunePart:
    study = optuna.create_study(direction="maximize")
    study.add_trials(trials)
    return tuned.part(study, study.trials, study=study.study_name, dataset_version=2, resumed=0)


@pytest.fixture(autouse=True)
def _quiet() -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)


def test_the_best_comes_first_and_what_was_not_completed_last() -> None:
    made = part(trial(0.5), trial(0.9, TrialState.PRUNED), trial(0.7), trial(None, TrialState.FAIL, why="nan"))
    assert [row.number for row in made.rows] == [2, 0, 1, 3]
    assert [row.state for row in made.rows] == ["complete", "complete", "pruned", "failed"]
    assert made.best and (made.best.number, made.best.value, made.best.epochs) == (2, 0.7, 2)
    assert made.rows[2].value == 0.9 and made.rows[3].why == "nan"
    assert (made.trials, made.complete, made.pruned, made.failed) == (4, 2, 1, 1)
    assert made.values == [0.5, None, 0.7, None]
    assert made.importance == {}  # two trials tell nothing
    assert tuned.cells(made.rows[3])[-1] == "nan"
    assert tuned.cells(made.rows[0])[-1] == "learning_rate 0.01, augment rand"


def test_without_a_complete_trial_there_is_no_best() -> None:
    made = part(trial(0.9, TrialState.PRUNED))
    assert made.best is None and made.importance == {}
    assert tuned.as_object(made)["validation_macro_f1"] is None
    assert len(tuned.lines(made)) == 1


def test_what_mattered_is_the_knob_that_made_the_difference() -> None:
    rates = [10 ** (-4 + 3 * i / 29) for i in range(30)]
    made = part(*(trial(rate * 5, rate=rate) for rate in rates))
    assert max(made.importance, key=lambda name: made.importance[name]) == "learning_rate"
    assert "what mattered: learning_rate" in "\n".join(tuned.lines(made))


def test_many_trials_are_counted_and_not_all_listed() -> None:
    made = part(*(trial(i / 2000, rate=0.01) for i in range(MAX_VALUES + 20)))
    assert (made.trials, len(made.rows), len(made.values)) == (MAX_VALUES + 20, MAX_TRIALS, MAX_VALUES)
    assert made.values[-1] == made.best.value if made.best else False


def test_the_command_says_what_is_not_the_default() -> None:
    params = TrainParams(storage="a b", learning_rate=0.012345678, promote=False, backends=["torch-fp32", "cuda-fp32"])
    words = shlex.split(tuned.command(params))
    assert words[:4] == ["nightsort", "train", "--storage", "a b"]
    given = dict(zip(words[2::2], words[3::2], strict=True))
    assert given["--learning-rate"] == "0.012345678" and given["--promote"] == "false"
    assert words.count("--backends") == 2 and "--epochs" not in words
