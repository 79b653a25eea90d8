"""Owns pictures in memory, ready for a network: pixels, class ids and identities, row by row.

Invariant: images, labels and ids have one length and one order. Does not know how they were stored.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Pictures:
    """Pictures of one size.

    :param images: RGB, uint8 (N, S, S, 3); may be a memory map
    :param labels: class ids, int64 (N,)
    :param ids: hex SHA-256 of the original bytes, N of them
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
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

    def counts(self, classes: list[str]) -> NDArray[np.int64]:
        """Pictures per class, int64 (C,)."""
        return np.bincount(self.labels, minlength=len(classes)).astype(np.int64)

    def take(self, indices: NDArray[np.int64]) -> "Pictures":
        """The pictures at these rows, in this order."""
        return Pictures(self.images[indices], self.labels[indices], [self.ids[i] for i in indices])
