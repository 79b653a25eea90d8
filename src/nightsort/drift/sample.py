"""Owns the sample of a run's predictions: as many rows as fit, each picture of the run as likely as any other.

Invariant: what is in it depends on which pictures the run had, and neither on their order nor on how they came in
chunks; the same pictures give the same sample. Does not know what is looked for in it.
"""

import pyarrow as pa
import pyarrow.compute as pc

from nightsort.schema import PREDICTIONS

LIMIT = 2000
"""Pictures of a run in its sample, at most, unless somebody wants to look at more."""


class Sample:
    """A bottom-k sample (Cohen and Kaplan 2007): the rows with the lowest SHA-256, which is as good as chance.

    Any first rows of it are a uniform sample too.

    :param limit: rows, at most
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._rows = PREDICTIONS.empty_table()

    def add(self, predictions: pa.Table) -> None:
        """Take in the predictions of one chunk, a table of the schema PREDICTIONS."""
        rows = pa.concat_tables([self._rows, predictions.select(PREDICTIONS.names)])
        self._rows = rows.take(pc.sort_indices(rows["sha256"])[: self._limit])

    @property
    def rows(self) -> pa.Table:
        """The sample, schema PREDICTIONS, by ascending SHA-256."""
        return self._rows
