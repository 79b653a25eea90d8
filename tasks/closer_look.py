"""Owns the stage that looks closer at some pictures of a run.

Invariant: torch stays in a process of its own. Does not know what is seen.
"""

import pyarrow as pa
import pyarrow.compute as pc

from nightsort.config.intake import ClassifyParams
from nightsort.config.run import RunParams
from nightsort.drift.look import Look
from nightsort.learning.card import Card
from nightsort.learning.registry import Registry
from nightsort.reports.predicted import Predicted
from nightsort.reports.thumbnails import data_uri
from nightsort.scoring.closer_look import COLUMNS, look
from tasks.compute import Workers
from tasks.intake import access
from tasks.progress import progress
from tasks.runs import Run
from tasks.stage import dispensable, stage

_NAMES = [field.name for field in COLUMNS]


@dispensable
@stage(retries=0)
def look_closer(run: Run, params: ClassifyParams, card: Card, predicted: Predicted, shown: list[str]) -> Look | None:
    """Embeddings and a challenger's answers of the first `params.sample` of the sample, activation maps of `shown`.

    :param shown: sha256 of pictures of the sample
    :returns: None if nothing was to be looked at
    """
    rows = predicted.sample.rows.select(_NAMES)
    if not params.sample or not rows.num_rows:
        return None
    sample = rows.slice(0, params.sample)
    explained = rows.filter(pc.is_in(rows["sha256"], value_set=pa.array(shown, pa.string())))
    with progress("looking closer", None), Workers(RunParams(workers=1)) as apart:
        return apart.call(
            look, run.storage.root, card.version, _challenger(run, card), sample, explained, params.max_pixels,
            access(run, params), data_uri,
        )  # fmt: skip


def _challenger(run: Run, card: Card) -> int | None:
    """The newest model, if it is newer than the champion."""
    return max((version for version in Registry(run.storage).versions() if version > card.version), default=None)
