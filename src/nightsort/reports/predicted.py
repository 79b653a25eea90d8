"""Owns the running summary of what a run predicted: counts by class, abstentions, the least certain, a sample.

Invariant: its size does not grow with the run. Does not know how a prediction came about.
"""

from collections import Counter

import pyarrow as pa
import pyarrow.compute as pc

from nightsort.arrow import frequencies
from nightsort.drift.sample import LIMIT, Sample
from nightsort.reports.shown import MAX_THUMBNAILS
from nightsort.schema import PREDICTIONS

_SHOWN = ("path", "member", "label", "confidence", "runner_up", "margin", "abstained")


class Predicted:
    """The summary of one run.

    :param limit: pictures of the sample, at most
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self.counts: Counter[str] = Counter()  # label -> pictures
        self.abstained = 0
        self.least_certain = pa.schema([PREDICTIONS.field(name) for name in _SHOWN]).empty_table()
        """At most MAX_THUMBNAILS rows, the smallest margin first."""
        self.sample = Sample(limit)

    def add(self, predictions: pa.Table) -> None:
        """Take in the predictions of one chunk, a table of the schema PREDICTIONS."""
        self.counts.update(frequencies(predictions["label"]))
        self.abstained += pc.sum(predictions["abstained"]).as_py() or 0
        rows = pa.concat_tables([self.least_certain, predictions.select(_SHOWN)])
        least = pc.select_k_unstable(rows, k=min(MAX_THUMBNAILS, rows.num_rows), sort_keys=[("margin", "ascending")])
        self.least_certain = rows.take(least)
        self.sample.add(predictions)
