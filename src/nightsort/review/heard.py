"""Owns what the signals say of pictures, as arrays: how strange each is, and what a challenger answered.

Invariant: of a picture that was looked at several times the last look counts. Does not know how a look is taken.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nightsort.review.keys import Keys, is_in, keys_of
from nightsort.review.newest import Labels, Newest


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
        """Strangeness, and a challenger's dissent as in `Newest`, of each picture; -1 where there is none."""
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
