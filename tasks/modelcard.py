"""Owns the stages that write a model's card for people, after it was judged and whenever its standing changes.

Invariant: a card that cannot be written never ends a run.
Does not know what a card says.
"""

from nightsort.learning.card import Card
from nightsort.reports.learned import TrainingPart
from tasks.runs import Run
from tasks.stage import stage


@stage(retries=2)
def write_model_card(run: Run, card: Card, training: TrainingPart) -> None:
    """Write models/<n>/card.md and card.json, of a model that was just judged."""


@stage(retries=2)
def renew_model_card(run: Run, version: int) -> None:
    """Write them again, after a promotion or a rollback; a model published without one stays so."""
