"""Owns one training of a comparison: a strategy with a seed, trained and scored.

Invariant: what was kept is not trained again for as long as recipe, data and code are the same; the test split is only
ever scored. Does not know which others there are.
"""

import hashlib
import json
import time
from importlib.metadata import version

import numpy as np

from nightsort.config.search import CompareParams
from nightsort.config.training import FitParams
from nightsort.errors import UserError, WriteError
from nightsort.evaluation.comparison import Comparison, Failure, Outcome
from nightsort.evaluation.metrics import evaluate
from nightsort.learning.checkpoint import Checkpoints
from nightsort.learning.feeds.pictures import Feed
from nightsort.learning.feeds.shared import Shared
from nightsort.learning.predict import probabilities
from nightsort.learning.resumption import prepare
from nightsort.learning.validation import validate

_REVISION = 2
"""Raise by one when training or its figures change, so that earlier trainings are done again."""

_FIGURES = {"macro_f1", "accuracy", "balanced_accuracy", "shots", "calibration_error"}


def key_of(
    params: CompareParams, preprocessing: str, classes: list[str], splits: list[Feed], initial_sha256: str
) -> str:
    """16 hex digits that differ wherever a training, or its figures, would.

    :param preprocessing: version of how pictures are made ready
    :param splits: train, validation, test
    :param initial_sha256: of the weights that trainings start from; empty if they are random
    """
    learn, validation, test = splits
    recipe = params.model_copy(update={"balance": "none", "seed": 0})
    training = Checkpoints.key_of(recipe, classes, learn, validation, initial_sha256)
    code = [version("nightsort"), _REVISION]
    digest = hashlib.sha256(json.dumps([training, preprocessing, code, list(test.ids)]).encode())
    digest.update(test.labels.tobytes())
    return digest.hexdigest()[:16]


def attempt(comparison: Comparison, shared: Shared, params: FitParams) -> Outcome | Failure:
    """Train and score one strategy with one seed, in this process, and keep what came of it.

    What goes wrong with one strategy is not the end of the others.

    :param params: the strategy is its `balance`
    :raises UserError: of what is wrong with every strategy alike, such as an unknown model
    """
    try:
        return _attempt(comparison, shared, params)
    except (UserError, WriteError):
        raise
    except Exception as error:  # of torch, scikit-learn, the machine: anything
        return Failure(params.balance, params.seed, f"{type(error).__name__}: {error}".partition("\n")[0])


def _attempt(comparison: Comparison, shared: Shared, params: FitParams) -> Outcome:
    started = time.perf_counter()
    training = prepare(shared, params)
    fitted = training.run()
    test = shared.split("test")
    counts = np.bincount(shared.train.labels, minlength=len(shared.classes))
    scored = probabilities(fitted.model, test.images, fitted.temperature)
    scores = evaluate(scored, test.labels, shared.classes, counts).model_dump(include=_FIGURES)
    outcome = Outcome(
        strategy=params.balance,
        seed=params.seed,
        validation_macro_f1=validate(fitted.model, shared.split("validation")).macro_f1,
        best_epoch=fitted.best_epoch,
        # A training that went on from a checkpoint took longer than this process saw of it.
        seconds=max(time.perf_counter() - started, sum(epoch.seconds for epoch in fitted.history)),
        notes=fitted.notes,
        **scores,
    )
    comparison.keep(outcome)
    training.checkpoints.clear()
    return outcome
