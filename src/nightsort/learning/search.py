"""Owns a search for the knobs of a training: which values are tried, which trial ends early, what is on disk of it.

Invariant: a trial is judged by the validation split alone; what a trial has done outlives the process that did it.
Does not know which trials run side by side, nor what is made of the best.
"""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.storages import JournalStorage
from optuna.storages.journal import BaseJournalBackend, JournalFileBackend
from optuna.trial import FrozenTrial, Trial, TrialState

from nightsort.balance.plan import ON_EMBEDDINGS
from nightsort.config.training import FitParams
from nightsort.disk import is_uri
from nightsort.errors import ConfigError, StorageError, UserError, WriteError
from nightsort.learning.feeds.shared import Shared
from nightsort.learning.history import Epoch
from nightsort.learning.journal import ObjectJournal
from nightsort.learning.resumption import prepare
from nightsort.learning.validation import validate
from nightsort.storage import Storage, writing
from nightsort.words import Augment, Balance, Optimizer, Tunable

_STARTUP = 5  # complete trials before any is pruned
_PATIENT = 4  # a trial is not pruned in the first so-many-th of its epochs, while the learning rate rises
_AFTERWARDS = {*ON_EMBEDDINGS, "pixel_smote"}  # pruning would not see what they do, or they are slow
WHY = "why"  # attribute of a trial that failed by itself

SPACES: dict[Tunable, BaseDistribution] = {
    "model": CategoricalDistribution(["small_resnet", "resnet32", "whitened_net", "mobilenet_v3_small"]),
    "learning_rate": FloatDistribution(1e-4, 1e-1, log=True),
    "weight_decay": FloatDistribution(1e-5, 3e-1, log=True),
    "batch_size": CategoricalDistribution([16, 32, 64, 128, 256]),
    "balance": CategoricalDistribution([name for name in get_args(Balance) if name not in _AFTERWARDS]),
    "mixup": FloatDistribution(0.0, 1.0, step=0.1),
    "cutmix": FloatDistribution(0.0, 1.0, step=0.1),
    "erasing": FloatDistribution(0.0, 0.5, step=0.05),
    "augment": CategoricalDistribution(get_args(Augment)),
    "label_smoothing": FloatDistribution(0.0, 0.2, step=0.02),
    "optimizer": CategoricalDistribution(get_args(Optimizer)),
    "ema": CategoricalDistribution([0.0, 0.9, 0.99, 0.999]),
}
"""The values that are tried of each knob."""


@dataclass(frozen=True)
class Search:
    """A study in a journal, which any number of processes may work on.

    :param file: of the journal, or where its entries are in an object store
    :param params: the knobs that stay as given
    :param names: of the knobs that are searched
    """

    file: str
    params: FitParams
    names: list[Tunable]

    @property
    def spaces(self) -> dict[str, BaseDistribution]:
        """The values that are tried of each knob that is searched."""
        return {name: SPACES[name] for name in self.names}

    def study(self, ordinal: int = 0) -> optuna.Study:
        """The study, as it is now.

        :param ordinal: of the trial to come; with the seed it determines what is drawn
        :raises StorageError: if the journal is damaged
        """
        seed = int(np.random.SeedSequence([self.params.seed, ordinal]).generate_state(1)[0])
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        try:
            with writing(self.file):
                return optuna.create_study(
                    storage=JournalStorage(_journal(self.file)),
                    study_name="search",
                    direction="maximize",
                    load_if_exists=True,
                    sampler=optuna.samplers.TPESampler(seed=seed, constant_liar=True),
                    pruner=optuna.pruners.MedianPruner(_STARTUP, self.params.epochs // _PATIENT),
                )
        except (ValueError, KeyError) as error:
            raise StorageError(f"{self.file}: is damaged ({error}); remove it, or choose another study") from None


def begin(storage: Storage, name: str, params: FitParams, names: list[Tunable], facts: dict[str, Any]) -> Search:
    """Begin a search, or go on with it: what a dead run left half done is tried again.

    :param facts: what must be the same for its trials to be comparable, as JSON has it
    :raises ConfigError: the study was begun with other facts
    """
    search = Search(storage.locate(f"studies/{name}.log" if storage.is_local else f"studies/{name}"), params, names)
    if storage.is_local:
        _make_ready(Path(search.file))
    study = search.study()
    facts = facts | {"search": {name: optuna.distributions.distribution_to_json(SPACES[name]) for name in names}}
    _compare(name, study.user_attrs.get("facts", facts), facts)
    if "facts" not in study.user_attrs:
        study.set_user_attr("facts", facts)
        study.enqueue_trial(_given(params, names))  # so that the best is no worse than what was given
    for trial in study.get_trials(states=[TrialState.RUNNING]):
        study.tell(trial.number, state=TrialState.FAIL)
        study.enqueue_trial(trial.params)
    return search


def _journal(file: str) -> BaseJournalBackend:
    return ObjectJournal(file) if is_uri(file) else JournalFileBackend(file)


def _make_ready(file: Path) -> None:
    """Remove what a process wrote of a line when it was killed: the next line would be joined to it."""
    with writing(str(file)):
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.exists() and not (data := file.read_bytes()).endswith(b"\n"):
            with file.open("r+b") as journal:
                journal.truncate(data.rfind(b"\n") + 1)


def _compare(name: str, before: dict[str, Any], now: dict[str, Any]) -> None:
    differ = [key for key in sorted(before.keys() & now.keys()) if before[key] != now[key]]
    if differ:
        said = "; ".join(_difference(key, before[key], now[key]) for key in differ)
        raise ConfigError(f"study {name}: was begun with {said}; give it the same, or choose another study")


def _difference(key: str, before: Any, now: Any) -> str:
    if isinstance(before, list | dict) and isinstance(now, list | dict):
        gone, new = (", ".join(sorted(set(a) - set(b))) for a, b in ((before, now), (now, before)))
        listed = "; ".join(filter(None, (gone and f"with {gone}", new and f"without {new}")))
        return f"other {key} ({listed})" if listed else f"other {key}"
    return f"{key} {before}, not {now}"


def _given(params: FitParams, names: list[Tunable]) -> dict[str, Any]:
    """The values given, of the knobs that may have them."""
    given = {name: getattr(params, name) for name in names}
    return {name: value for name, value in given.items() if _is_in(SPACES[name], value)}


def _is_in(space: BaseDistribution, value: Any) -> bool:
    if isinstance(space, CategoricalDistribution):
        return value in space.choices
    assert isinstance(space, FloatDistribution)
    return value is not None and space.low <= value <= space.high


def finished(study: optuna.Study) -> list[FrozenTrial]:
    """The trials that came to their end, in their order; not those that died with their process."""
    return [trial for trial in study.trials if trial.state.is_finished() and not is_abandoned(trial)]


def is_abandoned(trial: FrozenTrial) -> bool:
    """Whether a trial died with its process."""
    return trial.state == TrialState.FAIL and WHY not in trial.user_attrs


def attempt(search: Search, shared: Shared, ordinal: int) -> str:
    """Run one trial in this process.

    :param ordinal: of the trial among all that were and will be
    :returns: what came of it, in words
    :raises UserError: of what is wrong with every trial alike; the model may be wrong where it is searched
    """
    with writing(search.file):
        study = search.study(ordinal)
        trial = study.ask(search.spaces)
    started, value, state = time.perf_counter(), None, TrialState.COMPLETE
    try:
        value = _train(search, shared, trial)
    except optuna.TrialPruned:
        state = TrialState.PRUNED
    except Exception as error:  # of torch, scikit-learn, the machine: anything
        if isinstance(error, WriteError) or (isinstance(error, UserError) and "model" not in search.names):
            raise
        trial.set_user_attr(WHY, f"{type(error).__name__}: {error}".partition("\n")[0])
        state = TrialState.FAIL
    with writing(search.file):
        trial.set_user_attr("seconds", time.perf_counter() - started)
        study.tell(trial, value, state)
    return f"trial {trial.number}: " + (f"macro-F1 {value:.3f}" if value is not None else state.name.lower())


def _train(search: Search, shared: Shared, trial: Trial) -> float:
    """Macro-F1 of the finished model on validation."""
    training = prepare(shared, FitParams.model_validate(search.params.model_dump() | trial.params))

    def on_epoch(epoch: Epoch) -> None:
        with writing(search.file):
            trial.report(epoch.validation_macro_f1, epoch.epoch)
        if trial.should_prune():
            training.checkpoints.clear()
            raise optuna.TrialPruned

    fitted = training.run(on_epoch)
    training.checkpoints.clear()
    return validate(fitted.model, shared.split("validation")).macro_f1


def close(search: Search) -> tuple[optuna.Study, int]:
    """The study at the end of a run, and how many of its trials died with their worker process."""
    study = search.study()
    dead = study.get_trials(states=[TrialState.RUNNING])
    with writing(search.file):
        for trial in dead:
            study.tell(trial.number, state=TrialState.FAIL)
    return study, len(dead)
