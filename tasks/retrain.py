"""Owns the stage that asks whether a retraining is due: it gathers the facts, the rule decides.

Invariant: nothing is written. The last trained model is the newest one, promoted or not; one that combines others
has learned nothing itself. Does not know the rule; see :mod:`nightsort.learning.need`.
"""

import pyarrow as pa
import pyarrow.compute as pc

from nightsort import clock
from nightsort.config.training import RetrainParams
from nightsort.dataset.versions import Dataset
from nightsort.errors import StorageError
from nightsort.learning.card import Card
from nightsort.learning.need import Facts, Need, weigh
from nightsort.learning.registry import Registry
from nightsort.reports import digest
from nightsort.schema import WITHHELD
from tasks.runs import Run
from tasks.stage import stage

_NIGHTS = 100  # classifications that are looked through for drift


@stage(retries=2)
def weigh_need(run: Run, params: RetrainParams) -> Need:
    """Whether a retraining is due, and why.

    :raises StorageError: there is no such storage root: a mistyped one would never need anything
    """
    if not run.storage.exists(""):
        raise StorageError(f"storage {run.storage.root}: does not exist; run 'nightsort ingest FOLDER' first")
    return weigh(_facts(run), params)


def _facts(run: Run) -> Facts:
    card = next((card for card in reversed(Registry(run.storage).cards([])) if "-ensemble-" not in card.run_id), None)
    last = next(iter(digest.recent(run.storage, 1, "train")), None)  # one that failed left no card
    began = card.created if card else None
    if last and (card is None or last.run_id >= card.run_id):
        began = last.started
    nights = digest.recent(run.storage, _NIGHTS, "classify")
    return Facts(
        now=clock.now(),
        labels=_unseen(Dataset(run.storage), card),
        model=card.version if card else None,
        began=began,
        drifted=[night.run_id for night in nights if night.drifted and (began is None or night.started > began)],
    )


def _unseen(dataset: Dataset, card: Card | None) -> int:
    """Pictures of the newest version that a model has not seen, or not under their label."""
    newest = dataset.version()
    if newest is None or (card and card.dataset_version == newest):
        return 0
    now = _labels(dataset, newest)
    if card is None:
        return len(now)
    before = _labels(dataset, card.dataset_version)
    then = before["label"].take(pc.index_in(now["sha256"], before["sha256"]))
    same = pc.fill_null(pc.equal(then, now["label"]), False)
    return len(now) - int(pc.sum(same).as_py() or 0)


def _labels(dataset: Dataset, version: int) -> pa.Table:
    """Columns sha256 and label of what people labelled and nobody disputes."""
    given = pc.is_null(pc.field("parent")) & (pc.field("split") != WITHHELD)
    return dataset.examples(["sha256", "label"], given, version).combine_chunks()
