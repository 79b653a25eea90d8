"""Owns the drawing of rows: so many of each class, all of a class before any of it again.

Invariant: what is drawn of a class are rows of that class, each as often as any other of it, give or take one.
Does not know why a class is to have so many.
"""

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]
"""One number a class, int64 (C,)."""


def draw(labels: NDArray[np.int64], counts: Counts, rng: np.random.Generator) -> NDArray[np.int64]:
    """Rows, ascending, with so many of each class: whole rounds of the class, then some of it at random.

    :param labels: class ids, int64 (N,), at least one row of each class with a count above 0
    :param counts: rows wanted of each class
    :return: int64 (sum of counts,)
    """
    held = np.bincount(labels, minlength=len(counts))
    shuffled = np.lexsort((rng.random(len(labels)), labels))  # class after class, each in random order
    place = np.arange(counts.sum()) - np.repeat(counts.cumsum() - counts, counts)
    rows = shuffled[np.repeat(held.cumsum() - held, counts) + place % np.repeat(held, counts)]
    return np.asarray(np.sort(rows), np.int64)


def apportion(shares: NDArray[np.float64], total: int) -> Counts:
    """Whole numbers in proportion to the shares that add up to the total (largest remainder; at a tie the last).

    :param shares: float (C,), 0 or more, not all 0
    """
    exact = shares / shares.sum() * total
    counts: Counts = np.floor(exact + 1e-9).astype(np.int64)
    order = np.argsort((exact - counts).round(6), kind="stable")  # shares that differ by their rounding are alike
    counts[order[len(order) - int(total - counts.sum()) :]] += 1
    return counts
