"""Owns how an epoch is cut into batches, and batches into the shares of processes.

Invariant: all batches have one size and all processes equal shares, so that a mean of means is the mean;
for that, a few rows of an epoch may come twice in it. Does not know pictures.
"""

import math

import numpy as np
from numpy.typing import NDArray

SMALLEST, LARGEST = 16, 128
STEPS = 20
"""An epoch should have so many, where its batches do not become too small for it."""


def automatic_size(rows: int) -> int:
    """The power of two from 16 to 128 that gives an epoch 20 steps or more, if one does."""
    return int(min(LARGEST, max(SMALLEST, 2 ** int(math.log2(max(1, rows / STEPS))))))


class Batching:
    """The batches of an epoch.

    :param rows: of an epoch
    :param batch_size: at most so many pictures a step, all processes together
    """

    def __init__(self, rows: int, batch_size: int, processes: int = 1) -> None:
        # No share of one picture: batch normalisation has nothing to normalise by.
        self.steps = max(1, min(math.ceil(rows / batch_size), rows // (2 * processes)))
        self.share = max(2, math.ceil(rows / self.steps / processes))
        self.processes = processes

    def share_of(self, rows: NDArray[np.int64], rank: int) -> NDArray[np.int64]:
        """Rows of one process, `share` for each of the steps, in order.

        :param rows: of an epoch, int64 (N,)
        :returns: int64 (steps * share,)
        """
        full = np.resize(rows, (self.steps, self.processes, self.share))  # repeats from the beginning
        return full[:, rank].reshape(-1)
