"""Owns the signals: what closer looks at samples of the nights' pictures said of each, as a table and as arrays.

Invariant: a picture may have several rows, one for each look; the newest counts. Does not know how a look is taken.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nightsort import clock
from nightsort.datafiles import Ticket
from nightsort.review.keys import Keys, is_in, keys_of
from nightsort.review.newest import Labels, Newest
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
        """All rows, streamed.

        :returns: batches of the schema SIGNALS
        """
        return self._table.batches(SIGNALS.names, batch_size=_ROWS)


@dataclass(frozen=True, eq=False)
class Heard:
    """What was last heard of n pictures.

    :param keys: uint64 (n,), ascending
    :param strangeness: float32 (n,), nan where it is unknown
    :param labels: int32 (n,), a challenger's answer as a code of `Labels`, -1 where none was asked
    :param confidences: float32 (n,), how sure it was, nan where none was asked
    """

    keys: Keys
    strangeness: NDArray[np.float32]
    labels: NDArray[np.int32]
    confidences: NDArray[np.float32]

    def of(self, pictures: Newest) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Strangeness, and a challenger's dissent as in `Newest`, of each picture; -1 where there is none.

        :returns: two arrays, float32 (pictures,) each
        """
        strangeness, dissent = (np.full(len(pictures.keys), -1, np.float32) for _ in range(2))
        known = np.flatnonzero(is_in(pictures.keys, self.keys))
        place = np.searchsorted(self.keys, pictures.keys[known])
        strangeness[known] = np.nan_to_num(self.strangeness[place], nan=-1)
        labels = self.labels[place]
        differs = (labels >= 0) & (labels != pictures.labels[known])
        sure = np.minimum(self.confidences[place], pictures.confidences[known])
        dissent[known[differs]] = sure[differs]
        return strangeness, dissent


def heard(signals: Iterator[pa.RecordBatch], labels: Labels) -> Heard:
    """What the signals say, the newest of each picture.

    :param signals: of the schema SIGNALS
    """
    empty = tuple(np.empty(0, kind) for kind in (np.uint64, np.float32, np.int32, np.float32, np.int64))
    gathered = [
        (
            keys_of(batch["sha256"]),
            batch["strangeness"].to_numpy(zero_copy_only=False),
            labels.encode(batch["challenger_label"]),
            batch["challenger_confidence"].to_numpy(zero_copy_only=False).astype(np.float32),
            batch["seen_at"].cast(pa.int64()).to_numpy(zero_copy_only=False),
        )
        for batch in signals
    ]
    keys, strangeness, codes, confidences, seen = (np.concatenate(some) for some in zip(empty, *gathered, strict=True))
    order = np.lexsort((seen, keys))
    last = order[np.append(keys[order][1:] != keys[order][:-1], True)[: len(order)]]
    return Heard(keys[last], strangeness[last], codes[last], confidences[last])
