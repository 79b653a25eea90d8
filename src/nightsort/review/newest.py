"""Owns the newest prediction of each picture, and what other opinions there are of it, as arrays.

Invariant: memory follows the size of a part, not that of the ledger; each picture is in one part. Does not know which
pictures are worth a look.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from nightsort.review.keys import Keys, is_in, keys_of

Batches = Callable[[Iterable[str]], Iterator[pa.RecordBatch]]
"""Streams the named columns of all predictions, as often as it is called."""

PART = 1_000_000
"""Predictions that are held at once, about; each takes some 40 bytes, twice that while they are sorted."""

_COLUMNS = ("sha256", "label", "confidence", "margin", "classified_at", "run_id")


@dataclass(frozen=True, eq=False)
class Newest:
    """The newest predictions of n pictures.

    :param keys: uint64 (n,), ascending
    :param labels: (n,) codes of `Labels`
    :param confidences: float32 (n,)
    :param margins: float32 (n,)
    :param since: (n,) microseconds since 1970 at which each was classified
    :param of_run: (n,) whether the run that is asked for made it
    :param dissent: float32 (n,) how sure another opinion and this one are of different labels, the less sure of the
        two; -1 where there is none
    """

    keys: Keys
    labels: NDArray[np.int32]
    confidences: NDArray[np.float32]
    margins: NDArray[np.float32]
    since: NDArray[np.int64]
    of_run: NDArray[np.bool_]
    dissent: NDArray[np.float32]


class Labels:
    """Codes of labels, given as they come; -1 is null."""

    def __init__(self) -> None:
        self._codes: dict[str | None, int] = {None: -1}

    def encode(self, labels: pa.Array) -> NDArray[np.int32]:
        """The code of each label, int32 (n,)."""
        words = labels.dictionary_encode(null_encoding="encode")
        codes = [self._codes.setdefault(word, len(self._codes) - 1) for word in words.dictionary.to_pylist()]
        return np.asarray(np.asarray(codes, np.int32)[words.indices.to_numpy(zero_copy_only=False)])


def newest(batches: Batches, labels: Labels, closed: Keys, run_id: str | None, part: int = 0, parts: int = 1) -> Newest:
    """One part of the pictures that have a prediction.

    :param closed: pictures to leave out, ascending
    :param part: of `parts`, into which all pictures are divided by their key
    """
    gathered: list[tuple[NDArray[np.generic], ...]] = []
    for batch in batches(_COLUMNS):
        keys = keys_of(batch["sha256"])
        ours = np.flatnonzero((keys % np.uint64(parts) == part) & ~is_in(keys, closed))
        rows = batch.take(pa.array(ours))
        gathered.append(
            (
                keys[ours],
                labels.encode(rows["label"]),
                rows["confidence"].to_numpy(zero_copy_only=False),
                rows["margin"].to_numpy(zero_copy_only=False),
                rows["classified_at"].cast(pa.int64()).to_numpy(zero_copy_only=False),
                _is_of(rows["run_id"], run_id),
            )
        )
    return _reduced(gathered)


def _is_of(runs: pa.Array, run_id: str | None) -> NDArray[np.bool_]:
    if run_id is None:
        return np.ones(len(runs), np.bool_)
    return np.asarray(pc.fill_null(pc.equal(runs, run_id), False).to_numpy(zero_copy_only=False), np.bool_)


def _reduced(gathered: list[tuple[NDArray[np.generic], ...]]) -> Newest:
    """The newest of each picture, with the dissent of its older predictions."""
    empty = tuple(np.empty(0, kind) for kind in (np.uint64, np.int32, np.float32, np.float32, np.int64, np.bool_))
    columns = [np.concatenate(column) for column in zip(empty, *gathered, strict=True)]
    order = np.lexsort((columns[4], columns[0]))
    keys, labels, confidences, margins, since, of_run = (column[order] for column in columns)
    last = np.append(keys[1:] != keys[:-1], True)[: len(keys)]
    ends = np.flatnonzero(last)
    own = np.searchsorted(keys[ends], keys)  # of each prediction, which picture it is of
    differs = labels != labels[ends][own]
    dissent = np.full(len(ends), -1, np.float32)
    sure = np.minimum(confidences, confidences[ends][own])
    np.maximum.at(dissent, own[differs], sure[differs])
    return Newest(keys[ends], labels[ends], confidences[ends], margins[ends], since[ends], of_run[ends], dissent)
