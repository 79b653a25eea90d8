"""Owns the stages that write a model's card for people: after it was judged, and whenever its standing changes.

Invariant: what a card says of its standing is what the registry says. Does not know what else a card says.
"""

from nightsort.config.training import JudgedParams
from nightsort.dataset.versions import Dataset
from nightsort.evaluation.decisions import decisions
from nightsort.learning.card import Card
from nightsort.learning.registry import Registry
from nightsort.reports import modelcard
from nightsort.reports.learned import TrainingPart
from nightsort.reports.modelcard import ModelCard
from nightsort.reports.shown import ClassCount
from nightsort.storage import Storage
from tasks.runs import Run
from tasks.stage import stage


@stage(retries=2)
def write_model_card(run: Run, card: Card, training: TrainingPart) -> None:
    """Write the card of a model that was just judged, and renew that of the champion before it."""
    recipe = run.params.model_dump(mode="json", exclude=set(JudgedParams.model_fields), exclude_none=True)
    counts = Dataset(run.storage).counts(card.dataset_version)
    data = [ClassCount(label=label, total=sum(splits.values()), **splits) for label, splits in counts.items()]
    _write(run.storage, modelcard.compose(card, training, recipe, data))
    if training.decision.promoted and training.decision.champion_version:
        _renew(run.storage, training.decision.champion_version)


@stage(retries=2)
def renew_model_card(run: Run, version: int) -> None:
    """Write it again, after a promotion or a rollback; a model that was published without one stays so."""
    _renew(run.storage, version)


def _renew(storage: Storage, version: int) -> None:
    if card := modelcard.read(storage, version):
        _write(storage, card)


def _write(storage: Storage, card: ModelCard) -> None:
    registry, version = Registry(storage), card.bundle.version
    standing = {
        "decisions": decisions(storage, version),
        "moves": [move for move in registry.history() if move.version == version],
        "champion": registry.champion() == version,
    }
    modelcard.write(storage, card.model_copy(update=standing))
