"""Owns the feed that reads pictures from the shards while they are learned from.

Invariant: encoded pictures held at a time stay within a limit, whatever the split's size; the same rows
and seed give the same batches. Does not know what the pictures are used for.
"""

from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from os import cpu_count
from typing import TypeVar

import numpy as np
import pyarrow as pa

from nightsort.dataset.rowgroups import RowGroup
from nightsort.dataset.versions import Dataset
from nightsort.errors import StorageError
from nightsort.images.preprocess import Preprocessing, load_stored
from nightsort.learning.feeds.pictures import Images, Pictures, Rows

T = TypeVar("T")

BUFFER_BYTES = 256_000_000
"""Encoded pictures that wait to be drawn from, by the mean size in their row group; one row group comes on top."""


class Stream:
    """A split of a dataset version, decoded while it is asked for: a :class:`nightsort.learning.feeds.pictures.Feed`.

    Row groups are visited in an order drawn from the seed. Their pictures go into a buffer, and what no longer fits
    comes out of it at random. So copies of one row come near each other where the split is larger than the buffer, and
    the order stays the same for as long as nobody merges the shards.
    Survives pickle; every process then reads the shards itself.

    :param classes: the position of a label is its class id
    :raises StorageError: a picture of the split is in no shard
    """

    def __init__(
        self,
        dataset: Dataset,
        version: int,
        split: str,
        classes: list[str],
        preprocessing: Preprocessing,
        buffer_bytes: int = BUFFER_BYTES,
    ) -> None:
        self.ids, self.labels = dataset.labelled(version, split, classes)
        self._preprocessing, self._buffer_bytes = preprocessing, buffer_bytes
        self._threads = cpu_count() or 1
        self._groups: list[RowGroup] = []
        self._group = np.full(len(self.ids), -1)  # of each row: which of the row groups it lies in
        self._place = np.zeros(len(self.ids), np.int64)  # and where in it
        self._find(dataset)
        if lost := np.flatnonzero(self._group < 0).tolist():
            raise StorageError(
                f"{dataset.folder}: lacks {len(lost)} pictures of the {split} split of version {version}, such as "
                f"{self.ids[lost[0]]}; put its files back from a copy"
            )

    def _find(self, dataset: Dataset) -> None:
        """Look up where the pictures lie; a second copy, of a run that died and came again, is left where it is."""
        names = np.array(self.ids, "S64")
        for group in dataset.row_groups():
            there = np.asarray(group.column("sha256"), dtype="S64")
            _, rows, places = np.intersect1d(names, there, return_indices=True)
            new = self._group[rows] < 0
            if new.any():
                self._group[rows[new]], self._place[rows[new]] = len(self._groups), places[new]
                self._groups.append(group)
        self._bytes = np.array([group.row_bytes for group in self._groups])

    @property
    def side(self) -> int:
        """Height and width in pixels."""
        return self._preprocessing.image_size

    def __len__(self) -> int:
        return len(self.ids)

    def batches(self, rows: Rows, batch_size: int, seed: int, skip: int = 0) -> Iterator[tuple[Rows, Images]]:
        """See :class:`nightsort.learning.feeds.pictures.Feed`; the next batches are made while one is used."""
        return _ahead(self._batches(self.order(rows, seed)[skip * batch_size :], batch_size))

    def sample(self, limit: int) -> Pictures:
        """See :class:`nightsort.learning.feeds.pictures.Feed`."""
        rows = np.unique(np.linspace(0, len(self) - 1, min(limit, len(self))).astype(np.int64))
        images = np.empty((len(rows), self.side, self.side, 3), np.uint8)
        for part, pixels in self.batches(rows, 256, seed=0):
            images[np.searchsorted(rows, part)] = pixels
        return Pictures(images, self.labels[rows], [self.ids[row] for row in rows])

    def order(self, rows: Rows, seed: int) -> Rows:
        """The rows in the order in which they come, int64 (n,)."""
        rng = np.random.default_rng(seed)
        by_group = rows[np.argsort(self._group[rows], kind="stable")]
        parts = np.split(by_group, np.flatnonzero(np.diff(self._group[by_group])) + 1)
        buffer, out = np.empty(0, np.int64), []
        for number in rng.permutation(len(parts)):
            buffer = rng.permutation(np.concatenate((buffer, parts[number])))
            held = np.searchsorted(np.cumsum(self._bytes[self._group[buffer]]), self._buffer_bytes, side="right")
            out.append(buffer[held:])
            buffer = buffer[:held]
        return np.concatenate((*out, buffer)).astype(np.int64)

    def _batches(self, order: Rows, batch_size: int) -> Generator[tuple[Rows, Images], None, None]:
        """The rows in this order, each read when it is needed and held until its last copy is out."""
        left = np.bincount(order, minlength=len(self))
        held: dict[int, bytes] = {}
        with ThreadPoolExecutor(self._threads, thread_name_prefix="decode") as threads:
            for start in range(0, len(order), batch_size):
                rows = order[start : start + batch_size]
                for number in np.unique(self._group[[row for row in rows.tolist() if row not in held]]):
                    self._read(int(number), left, held)
                encoded = [held[row] for row in rows.tolist()]
                np.subtract.at(left, rows, 1)
                for row in rows[left[rows] == 0].tolist():
                    held.pop(row, None)
                yield rows, self._decode(encoded, threads)

    def _read(self, number: int, left: Rows, held: dict[int, bytes]) -> None:
        """Take from a row group what is still to come."""
        rows = np.flatnonzero((self._group == number) & (left > 0))
        images = self._groups[number].column("image").take(pa.array(self._place[rows]))
        held.update(zip(rows.tolist(), images.to_pylist(), strict=True))

    def _decode(self, encoded: list[bytes], threads: ThreadPoolExecutor) -> Images:
        """uint8 (B, S, S, 3)."""
        images = np.empty((len(encoded), self.side, self.side, 3), np.uint8)

        def decode(part: range) -> None:
            for i in part:
                images[i] = load_stored(encoded[i], self._preprocessing)

        list(threads.map(decode, [range(i, len(encoded), self._threads) for i in range(self._threads)]))
        return images


def _ahead(items: Generator[T, None, None]) -> Iterator[T]:
    """The items, two of them made in a thread before their use; what their making raises, is raised at its use."""
    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as thread:  # one thread: items come in their order
        try:
            waiting = deque(thread.submit(next, items, None) for _ in range(2))
            while (item := waiting.popleft().result()) is not None:
                waiting.append(thread.submit(next, items, None))
                yield item
        finally:
            thread.submit(items.close)
