"""Owns how strange a picture is: how far from everything that the model was tried on.

Invariant: 0 to 1, whatever the scale of the embeddings. Does not know why a picture is strange.
"""

import numpy as np
from numpy.typing import NDArray

from nightsort.drift.reference import Reference


def strangeness(reference: Reference, embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
    """Share of the reference that lies nearer to its own nearest neighbour than each embedding to its nearest.

    1 less the p-value of conformal anomaly detection with the nearest neighbour (Laxhammar and Falkman 2010).

    :param embeddings: float32 (n, D), of the width of the reference
    :returns: float32 (n,); nan where the reference has fewer than two embeddings, or others
    """
    known = reference.embeddings
    if len(known) < 2 or known.shape[1] != embeddings.shape[1]:
        return np.full(len(embeddings), np.nan, np.float32)
    within = np.sort(_squared(known, known, itself=True).min(axis=1))
    nearest = _squared(embeddings, known).min(axis=1) if len(embeddings) else np.empty(0, np.float32)
    return np.asarray(np.searchsorted(within, nearest, side="left") / len(within), np.float32)


def _squared(left: NDArray[np.float32], right: NDArray[np.float32], itself: bool = False) -> NDArray[np.float32]:
    """Squared distances, float32 (n, m); infinite on the diagonal of a set held against itself."""
    squares = (left**2).sum(1)[:, None] + (right**2).sum(1)[None] - 2 * left @ right.T
    if itself:
        np.fill_diagonal(squares, np.inf)
    return np.asarray(np.maximum(squares, 0), np.float32)
