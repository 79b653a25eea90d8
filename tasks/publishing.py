"""Owns the stages between a model and its place among the others: score, explain, publish, measure.

Invariant: the test split is only ever scored; the bundle is published before it is judged, so what the gate
refused can be looked at.
Does not know how the model came about, nor the order of the stages.
"""

import hashlib
from dataclasses import dataclass, field

import numpy as np
import torch

from nightsort import clock
from nightsort.config.training import JudgedParams
from nightsort.dataset.versions import Dataset
from nightsort.evaluation import thresholds
from nightsort.evaluation.metrics import evaluate
from nightsort.evaluation.robustness.measuring import measure
from nightsort.evaluation.scores import Robustness, Scores
from nightsort.learning import bundle
from nightsort.learning.card import Card
from nightsort.learning.fit import Fitted
from nightsort.learning.predict import probabilities
from nightsort.learning.registry import Registry
from nightsort.reports.learned import Mistake
from nightsort.reports.mistakes import mistakes
from nightsort.scoring.trials import publication
from nightsort.scoring.trials.choice import Record
from nightsort.scoring.trials.verdicts import REFERENCE
from tasks.lesson import Lesson
from tasks.progress import progress, reaching
from tasks.runs import Run
from tasks.stage import stage

_CALIBRATION = 2000  # training pictures among which those are chosen that int8 takes its ranges from


@dataclass(frozen=True)
class Scored:
    """A model's answers to the test split, and what follows from them.

    :param probabilities: calibrated, float32 (N, C)
    :param thresholds: class -> confidence below which it abstains; empty without a target precision
    """

    probabilities: np.ndarray
    scores: Scores
    mistakes: list[Mistake]
    thresholds: dict[str, float]
    robustness: Robustness | None = None
    notes: list[str] = field(default_factory=list)


@stage(retries=0)
def score_test(run: Run, params: JudgedParams, lesson: Lesson, fitted: Fitted) -> Scored:
    """Figures, the worst mistakes and, if they are asked for, thresholds and robustness."""
    scored = probabilities(fitted.model, lesson.test.images, fitted.temperature)
    scores = evaluate(scored, lesson.test.labels, lesson.classes, training=fitted.before)
    shown, notes = mistakes(
        Dataset(run.storage), lesson.dataset_version, lesson.test, lesson.classes, scored, fitted.model
    )
    least, doubts = _thresholds(params, lesson, fitted)
    return Scored(scored, scores, shown, least, _robustness(params, lesson, fitted), [*notes, *doubts])


def _thresholds(params: JudgedParams, lesson: Lesson, fitted: Fitted) -> tuple[dict[str, float], list[str]]:
    """From the validation split alone."""
    if params.target_precision is None:
        return {}, []
    answers = probabilities(fitted.model, lesson.validation.images, fitted.temperature)
    target, least = params.target_precision, params.abstain_below
    return thresholds.for_precision(answers, lesson.validation.labels, lesson.classes, target, least)


def _robustness(params: JudgedParams, lesson: Lesson, fitted: Fitted) -> Robustness | None:
    if not params.robustness:
        return None
    with progress("measuring robustness", None) as advance:
        return measure(fitted.model, lesson.test, lesson.dataset_version, reaching(advance))


@stage(retries=2)
def publish_bundle(
    run: Run, params: JudgedParams, lesson: Lesson, fitted: Fitted, scored: Scored, model: str, balance: str
) -> Card:
    """Write the bundle under a new version number; the champion stays who it is.

    :param model: its name for people
    :param balance: how rare classes were given their due
    """
    card = Card(
        version=Registry(run.storage).next_version(),
        created=clock.now(),
        run_id=run.id,
        model=model,
        architecture=fitted.architecture,
        weights_from=fitted.weights_from,
        weights_from_sha256=fitted.weights_from_sha256,
        classes=lesson.classes,
        store_side=lesson.preprocessing.store_side,
        image_size=lesson.preprocessing.image_size,
        cleaning=lesson.preprocessing.cleaning,
        preprocessing=lesson.preprocessing.version,
        temperature=fitted.temperature,
        abstain_below=params.abstain_below,
        thresholds=scored.thresholds,
        dataset_version=lesson.dataset_version,
        dataset_fingerprint=hashlib.sha256("".join(lesson.train.ids).encode()).hexdigest(),
        training_share=dict(zip(lesson.classes, (fitted.before / fitted.before.sum()).tolist(), strict=True)),
        balance=balance,
        macro_f1=scored.scores.macro_f1,
        accuracy=scored.scores.accuracy,
    )
    return bundle.save(run.storage, card, fitted.model)


@stage(retries=0)
def measure_backends(run: Run, params: JudgedParams, lesson: Lesson, fitted: Fitted, card: Card) -> Record:
    """Export the model for each backend that is asked for, and record which of them answers for it here."""
    threads = torch.get_num_threads()
    try:
        with progress("measuring backends", len({REFERENCE, *params.backends})) as advance:
            return publication.publish(
                run.storage, card.version, fitted.model, lesson.train.sample(_CALIBRATION), lesson.validation, params,
                lambda backend: advance(1, what=f"measuring {backend}"),
            )  # fmt: skip
    finally:
        torch.set_num_threads(threads)  # a backend may have set them to one, and the gate has a model to run
