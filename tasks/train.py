"""Owns the stage that trains, and what a report says of a trained model.

Invariant: a training that was killed goes on from its last checkpoint; one that is published leaves none.
Does not know what becomes of the model.
"""

import numpy as np

from nightsort.config.training import TrainParams
from nightsort.evaluation.scores import Decision
from nightsort.learning import fit
from nightsort.learning.card import Card
from nightsort.learning.checkpoint import Checkpoints
from nightsort.learning.fit import Fitted
from nightsort.learning.history import Epoch
from nightsort.learning.pretrained import Initial
from nightsort.reports.learned import BackendRow, BackendTable, TrainingPart
from nightsort.reports.shown import ClassCount
from nightsort.scoring.trials.choice import Record
from tasks.lesson import Lesson
from tasks.progress import progress, reaching
from tasks.publishing import Scored
from tasks.runs import Run
from tasks.stage import stage

_AGAINST = {"agreement", "mean_drift", "worst_class", "worst_loss"}  # what a report shows of an agreement


@stage(retries=0)
def fit_model(
    run: Run, params: TrainParams, lesson: Lesson, initial: Initial | None, checkpoints: Checkpoints
) -> Fitted:
    """Train, with the loss of each epoch beside the bar."""
    with progress(f"training {params.model}", None) as advance:

        def on_epoch(epoch: Epoch) -> None:
            figures = f"loss {epoch.train_loss:.3f}, macro-F1 {epoch.validation_macro_f1:.3f}"
            advance(0, what=f"epoch {epoch.epoch}", detail=figures)

        return fit.fit(
            lesson.train, lesson.validation, lesson.classes, params, initial=initial, checkpoints=checkpoints,
            on_epoch=on_epoch, on_step=reaching(advance),
        )  # fmt: skip


def describe_training(
    lesson: Lesson,
    fitted: Fitted,
    card: Card,
    record: Record,
    scored: Scored,
    decision: Decision,
) -> TrainingPart:
    """What the report says of the training."""
    return TrainingPart(
        model_version=card.version,
        model=card.model,
        parameters=sum(weight.numel() for weight in fitted.model.parameters()),
        dataset_version=lesson.dataset_version,
        balance=card.balance,
        before=_counts(lesson.classes, fitted.before),
        after=_counts(lesson.classes, fitted.after),
        history=fitted.history,
        best_epoch=fitted.best_epoch,
        temperature=fitted.temperature,
        scores=scored.scores,
        decision=decision,
        backends=_backends(record),
        robustness=scored.robustness,
        mistakes=scored.mistakes,
        thresholds=scored.thresholds,
        notes=[*lesson.notes, *_forgotten(lesson), *fitted.notes, *scored.notes],
    )


def _forgotten(lesson: Lesson) -> list[str]:
    names = ", ".join(lesson.forgotten[:20])
    return [f"classes of the champion that the dataset no longer shows: {names}"] if names else []


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
