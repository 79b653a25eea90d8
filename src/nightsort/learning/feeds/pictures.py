"""Owns pictures ready for a network: pixels, class ids and identities, row by row.

Invariant: images, labels and ids have one length and one order; a feed yields every row that was asked
for, as often as it was asked for. Does not know how pictures were stored.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]
Images = NDArray[np.uint8]


class Feed(Protocol):
    """Pictures of one size that come in batches, from memory or from the shards."""

    @property
    def labels(self) -> Rows:
        """Class ids, int64 (N,)."""

    @property
    def ids(self) -> list[str]:
        """Hex SHA-256 of the original bytes, N of them."""

    @property
    def side(self) -> int:
        """Height and width in pixels."""

    def __len__(self) -> int: ...

    def batches(self, rows: Rows, batch_size: int, seed: int, skip: int = 0) -> Iterator[tuple[Rows, Images]]:
        """All of `rows` in batches of `batch_size`, the last may be smaller: which rows, and RGB uint8 (B, S, S, 3).

        The same arguments give the same batches. A feed that reads shards may change the order, by the seed.

        :param rows: int64 (n,), any order, repeats allowed
        :param skip: batches at the beginning that are left out, without decoding them
        """

    def sample(self, limit: int) -> "Pictures":
        """At most so many pictures, evenly spread over the split, in memory."""


@dataclass(frozen=True)
class Pictures:
    """Pictures of one size, decoded: a feed that keeps the order it is asked for.

    :param images: RGB, uint8 (N, S, S, 3); may be a memory map
    :param labels: class ids, int64 (N,)
    :param ids: hex SHA-256 of the original bytes, N of them
    """

    images: Images
    labels: Rows
    ids: list[str]

    def __post_init__(self) -> None:
        if not len(self.images) == len(self.labels) == len(self.ids):
            raise ValueError(f"{len(self.images)} images, {len(self.labels)} labels and {len(self.ids)} ids")

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def side(self) -> int:
        """Height and width in pixels."""
        return int(self.images.shape[1])

    def batches(self, rows: Rows, batch_size: int, seed: int = 0, skip: int = 0) -> Iterator[tuple[Rows, Images]]:
        """See :class:`Feed`."""
        for start in range(skip * batch_size, len(rows), batch_size):
            part = rows[start : start + batch_size]
            yield part, self.images[part]

    def sample(self, limit: int) -> "Pictures":
        """See :class:`Feed`."""
        return self.take(np.unique(np.linspace(0, len(self) - 1, min(limit, len(self))).astype(np.int64)))

    def take(self, indices: Rows) -> "Pictures":
        """The pictures at these rows, in this order."""
        return Pictures(self.images[indices], self.labels[indices], [self.ids[i] for i in indices])


def each(feed: Feed, function: Callable[[Images], NDArray[np.float32]], batch_size: int = 256) -> NDArray[np.float32]:
    """A function of every picture, in the order of the feed's rows, float32 (N, ...).

    :param function: uint8 (B, S, S, 3) -> float32 (B, ...)
    """
    parts = [(rows, function(images)) for rows, images in feed.batches(np.arange(len(feed)), batch_size, seed=0)]
    rows = np.concatenate([part for part, _ in parts])
    return np.asarray(np.concatenate([values for _, values in parts])[np.argsort(rows, kind="stable")])
