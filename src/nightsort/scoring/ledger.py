"""Owns the ledger: which picture has which outcome under which model.

Invariant: (sha256, model_version, preprocessing) is in it once; what is committed is never changed.
Does not know how a prediction came about.
"""

import pyarrow as pa
import pyarrow.compute as pc

from nightsort.quarantine import Quarantine
from nightsort.schema import PREDICTIONS
from nightsort.sources.arrivals import known_from
from nightsort.storage import Storage
from nightsort.tables import Table


class Ledger:
    """The predictions of a storage root."""

    def __init__(self, storage: Storage) -> None:
        self._table = Table(storage, "predictions", PREDICTIONS, partition_by="run_date")
        self._quarantine = Quarantine(storage)

    def known(self, rescore_under: int | None = None) -> pa.Table:
        """What needs no work, by the schema `arrivals.KNOWN`; labels are null, they do not matter here.

        :param rescore_under: a model version: only what that model classified counts as known;
            None: whatever any model classified does
        """
        by_model = None if rescore_under is None else pc.field("model_version") == rescore_under
        classified = self._table.read(["sha256", "path", "member"], by_model)
        return pa.concat_tables([known_from(classified), self._quarantine.known("classify")])

    def append(self, predictions: pa.Table) -> None:
        """Commit the predictions of one chunk."""
        self._table.append(predictions)

    def predictions(self, *columns: str, run_id: str | None = None) -> pa.Table:
        """The named columns of all predictions, or of those that one run committed."""
        return self._table.read(columns, None if run_id is None else pc.field("run_id") == run_id)

    def count(self) -> int:
        """How many predictions there are."""
        return self._table.count()
