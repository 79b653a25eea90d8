"""Owns the table of signals: what a closer look at a sample of a night's pictures said of each.

Invariant: a picture may have several rows, one for each look; the newest counts. Does not know how a look is taken.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nightsort import clock
from nightsort.datafiles import Ticket
from nightsort.schema import SIGNALS
from nightsort.storage import Storage
from nightsort.tables import Table

_ROWS = 16_384  # of a batch
_SMALL, _TARGET = 500_000, 4_000_000  # bytes: files below the first are merged into files of about the second
_HOURS_TO_FINISH = 24  # readers of files that were merged away get this long


class Opinion(NamedTuple):
    """What a challenger says of the same pictures.

    :param version: of the challenger
    :param labels: (n,) its answers
    :param confidences: (n,) its calibrated probabilities of them
    """

    version: int
    labels: list[str]
    confidences: list[float]


def rows_of(
    sha256s: list[str], model_version: int, strangeness: NDArray[np.float32], opinion: Opinion | None, run_id: str
) -> pa.Table:
    """Signals of pictures, by the schema SIGNALS.

    :param sha256s: (n,) of the pictures that were looked at
    :param model_version: the champion that classified them
    :param strangeness: (n,) 0 to 1
    :param opinion: of a challenger on the same pictures, if one was asked
    """
    count = len(sha256s)
    nothing = [None] * count
    columns = {
        "sha256": sha256s,
        "model_version": [model_version] * count,
        "strangeness": strangeness,
        "challenger_version": [opinion.version] * count if opinion else nothing,
        "challenger_label": opinion.labels if opinion else nothing,
        "challenger_confidence": opinion.confidences if opinion else nothing,
        "run_id": [run_id] * count,
        "seen_at": [clock.now()] * count,
    }
    return pa.table({field.name: pa.array(columns[field.name], field.type) for field in SIGNALS}, schema=SIGNALS)


class Signals:
    """The signals of a storage root."""

    def __init__(self, storage: Storage) -> None:
        self._table = Table(storage, "review/signals", SIGNALS)

    def append(self, rows: pa.Table, ticket: Ticket | None = None) -> None:
        """Append rows of the schema SIGNALS, and merge small files once there are many.

        :raises LeaseLostError: if somebody else holds the lease by now
        """
        self._table.append(rows, ticket=ticket)

    def tidy(self, ticket: Ticket | None = None) -> None:
        """Merge small files into one, and delete what nothing names any more."""
        self._table.merge_small(_SMALL, _TARGET, ticket)
        self._table.vacuum(_HOURS_TO_FINISH, keep_versions=False)

    def fence(self, ticket: Ticket) -> None:
        """Shut out who held the lease before."""
        self._table.fence(ticket)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """All rows, streamed."""
        return self._table.batches(SIGNALS.names, batch_size=_ROWS)
