"""Owns the stages that tell MLflow of models, where it is installed and MLFLOW_TRACKING_URI is set.

Invariant: an MLflow that fails never fails a run; it leaves a note.
Does not know what a model is judged by.
"""

from nightsort.learning.card import Card
from nightsort.reports.learned import TrainingPart
from tasks.runs import Run
from tasks.stage import stage


@stage(retries=0)
def mirror_model(run: Run, card: Card, training: TrainingPart) -> list[str]:
    """Log a published model, and give it the alias `champion` if it was promoted; notes for the report."""
    return []


@stage(retries=0)
def mirror_champion(run: Run, version: int) -> list[str]:
    """Move the alias `champion` after a promotion or a rollback; notes for the report."""
    return []
