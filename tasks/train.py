"""Owns the stages of a training: load, fit, score, publish, measure, judge, promote.

Invariant: the test split is only ever scored; the bundle is published before it is judged, so what
the gate refused can be looked at.
Does not know the order of the stages.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch

from nightsort.config.training import TrainParams
from nightsort.dataset.versions import Dataset
from nightsort.errors import DatasetError, ModelError
from nightsort.evaluation.gate import judge
from nightsort.evaluation.metrics import evaluate
from nightsort.evaluation.rival import rival_probabilities
from nightsort.evaluation.scores import Decision, Scores
from nightsort.images.preprocess import Preprocessing
from nightsort.learning import bundle, fit
from nightsort.learning.card import Card, load_card
from nightsort.learning.fit import Fitted
from nightsort.learning.history import Epoch
from nightsort.learning.loading import load_split
from nightsort.learning.pictures import Pictures
from nightsort.learning.predict import probabilities
from nightsort.learning.registry import Registry
from nightsort.lease import Lease
from nightsort.reports.learned import BackendRow, BackendTable, TrainingPart
from nightsort.reports.shown import ClassCount
from nightsort.scoring.trials import publication
from nightsort.scoring.trials.choice import Record
from nightsort.scoring.trials.verdicts import REFERENCE
from tasks.progress import progress
from tasks.runs import Run
from tasks.stage import stage

_AGAINST = {"agreement", "mean_drift", "worst_class", "worst_loss"}  # what a report shows of an agreement


@dataclass(frozen=True)
class Lesson:
    """What there is to learn from: one dataset version, prepared for one size of picture."""

    dataset_version: int
    classes: list[str]  # the position is the class id
    preprocessing: Preprocessing
    train: Pictures
    validation: Pictures
    test: Pictures


@stage(retries=2)
def load_pictures(run: Run, params: TrainParams, folder: Path) -> Lesson:
    """Decode the three splits of the dataset version into files below `folder`."""
    dataset = Dataset(run.storage)
    version = dataset.resolve(params.dataset_version)
    counts = dataset.counts(version)
    classes = _class_list(run, list(counts))
    policy = dataset.policy()
    preprocessing = Preprocessing(policy.store_side, params.image_size, policy.cleaning)
    total = sum(sum(splits.values()) for splits in counts.values())
    with progress("decoding", total) as advance:
        train, validation, test = (
            load_split(dataset, version, split, classes, preprocessing, folder, advance)
            for split in ("train", "validation", "test")
        )
    if not len(test):
        raise DatasetError(f"dataset version {version}: its test split is empty; ingest more pictures")
    return Lesson(version, classes, preprocessing, train, validation, test)


def _class_list(run: Run, labels: list[str]) -> list[str]:
    """The champion's classes first and in its order, then new ones by name, so that ids stay."""
    champion = Registry(run.storage).champion()
    before = load_card(run.storage, champion).classes if champion else []
    return [name for name in before if name in labels] + [name for name in labels if name not in before]


@stage(retries=0)
def fit_network(run: Run, params: TrainParams, lesson: Lesson) -> Fitted:
    """Train, with the loss of each epoch beside the bar."""
    steps_done = 0
    with progress(f"training {params.model}", None) as advance:

        def on_step(done: int, total: int) -> None:
            nonlocal steps_done
            advance(done - steps_done, total=total)
            steps_done = done

        def on_epoch(epoch: Epoch) -> None:
            figures = f"loss {epoch.train_loss:.3f}, macro-F1 {epoch.validation_macro_f1:.3f}"
            advance(0, what=f"epoch {epoch.epoch}", detail=figures)

        return fit.fit(lesson.train, lesson.validation, lesson.classes, params, on_epoch, on_step)


@stage(retries=0)
def score_test(run: Run, lesson: Lesson, fitted: Fitted) -> tuple[np.ndarray, Scores]:
    """Probabilities and figures on the test split."""
    scored = probabilities(fitted.model, lesson.test.images, fitted.temperature)
    return scored, evaluate(scored, lesson.test.labels, lesson.classes)


@stage(retries=2)
def publish_bundle(run: Run, params: TrainParams, lesson: Lesson, fitted: Fitted, scores: Scores) -> Card:
    """Write the bundle under a new version number; the champion stays who it is."""
    card = Card(
        version=Registry(run.storage).next_version(),
        created=datetime.now(UTC),
        run_id=run.id,
        model=params.model,
        classes=lesson.classes,
        store_side=lesson.preprocessing.store_side,
        image_size=lesson.preprocessing.image_size,
        cleaning=lesson.preprocessing.cleaning,
        preprocessing=lesson.preprocessing.version,
        temperature=fitted.temperature,
        abstain_below=params.abstain_below,
        dataset_version=lesson.dataset_version,
        dataset_fingerprint=hashlib.sha256("".join(lesson.train.ids).encode()).hexdigest(),
        training_share=dict(zip(lesson.classes, (fitted.before / fitted.before.sum()).tolist(), strict=True)),
        balance=params.balance,
        macro_f1=scores.macro_f1,
        accuracy=scores.accuracy,
    )
    return bundle.save(run.storage, card, fitted.model)


@stage(retries=0)
def measure_backends(run: Run, params: TrainParams, lesson: Lesson, fitted: Fitted, card: Card) -> Record:
    """Export the model for each backend that is asked for, and record which of them answers for it here."""
    threads = torch.get_num_threads()
    try:
        with progress("measuring backends", len({REFERENCE, *params.backends})) as advance:
            return publication.publish(
                run.storage, card.version, fitted.model, lesson.train, lesson.validation, params,
                lambda backend: advance(1, what=f"measuring {backend}"),
            )  # fmt: skip
    finally:
        torch.set_num_threads(threads)  # a backend may have set them to one, and the gate has a model to run


@stage(retries=0)
def judge_challenger(
    run: Run, params: TrainParams, lesson: Lesson, scored: np.ndarray, card: Card, lease: Lease
) -> Decision:
    """Compare with the champion on the same test rows and, if it wins and may, promote."""
    registry = Registry(run.storage)
    champion = registry.champion()
    rival, doubt = _rival(run, lesson, champion)
    # Not the user's seed: the verdict must not be drawn again by training again with another.
    seed = lesson.dataset_version
    decision = judge(rival, scored, lesson.test.labels, lesson.classes, params.max_class_loss, seed)
    decision = decision.model_copy(update={"champion_version": champion, "reason": doubt + decision.reason})
    if not decision.promoted:
        return decision
    if not params.promote:
        return decision.model_copy(update={"promoted": False, "reason": f"promote is off; {decision.reason}"})
    lease.check()
    registry.promote(card.version, champion)
    return decision


def _rival(run: Run, lesson: Lesson, champion: int | None) -> tuple[np.ndarray | None, str]:
    """The champion's probabilities, and why there are none if it can no longer be used."""
    if champion is None:
        return None, ""
    try:
        return rival_probabilities(run.storage, champion, lesson.dataset_version, lesson.classes), ""
    except ModelError as error:  # retraining is the remedy, so it must not fail of this
        return None, f"the champion cannot be scored ({error}), so judged without one; "


def describe_training(
    params: TrainParams,
    lesson: Lesson,
    fitted: Fitted,
    card: Card,
    record: Record,
    scores: Scores,
    decision: Decision,
) -> TrainingPart:
    """What the report says of the training."""
    return TrainingPart(
        model_version=card.version,
        model=card.model,
        parameters=sum(weight.numel() for weight in fitted.model.parameters()),
        dataset_version=lesson.dataset_version,
        balance=params.balance,
        before=_counts(lesson.classes, fitted.before),
        after=_counts(lesson.classes, fitted.after),
        history=fitted.history,
        best_epoch=fitted.best_epoch,
        temperature=fitted.temperature,
        scores=scores,
        decision=decision,
        backends=_backends(record),
        notes=fitted.notes,
    )


def _backends(record: Record) -> BackendTable | None:
    """The table of this machine; None where there was nothing to compare."""
    trial = record.here()
    if trial is None or not trial.pictures:
        return None
    return BackendTable(
        machine=trial.machine.line,
        pictures=trial.pictures,
        of=trial.of,
        **record.tolerance.model_dump(),
        rows=[
            BackendRow(
                **item.model_dump(include={"backend", "verdict", "why", "rate"}),
                **(item.against.model_dump(include=_AGAINST) if item.against else {}),
            )
            for item in trial.table
        ],
    )


def _counts(classes: list[str], counts: np.ndarray) -> list[ClassCount]:
    return [ClassCount(label=label, total=int(count)) for label, count in zip(classes, counts, strict=True)]
