"""Owns outliers: pictures that lie far from the others of their class.

Invariant: a picture is compared with pictures of its own class and of other groups only, so a twin
does not vouch for it; a class too small to have a usual distance is not judged.
Does not know where embeddings come from.
"""

import numpy as np
from numpy.typing import NDArray

MIN_PICTURES = 8
"""A class with fewer pictures is not judged."""

NEIGHBOURS = 5
_REFERENCES = 4096  # pictures of a class that the others are compared with; bounds the work for each
_ROWS = 1024  # compared at once, which bounds the memory
_NORMAL = 1.4826  # times the median absolute deviation is the standard deviation of normal figures


def deviations(
    embeddings: NDArray[np.float32], labels: NDArray[np.int64], groups: NDArray[np.int64]
) -> NDArray[np.float64]:
    """How much further than usual each picture lies from its class, in robust standard deviations.

    The distance is the mean over the nearest neighbours of the class (Angiulli and Pizzuti 2002), which
    supposes no round class, unlike a distance to its centre; its deviation is from the class's median by the
    median absolute deviation (Iglewicz and Hoaglin 1993, who call 3.5 an outlier).

    :param embeddings: (N, D), rows of unit length in random order, such as that of their SHA-256
    :param labels: class ids, (N,)
    :param groups: group ids, (N,); near-duplicates share one
    :returns: (N,); NaN where a picture is not judged
    """
    result = np.full(len(labels), np.nan)
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        if len(rows) >= MIN_PICTURES:
            result[rows] = _robust(_distances(embeddings[rows], groups[rows]))
    return result


def _distances(members: NDArray[np.float32], groups: NDArray[np.int64]) -> NDArray[np.float64]:
    """Mean Euclidean distance to the nearest neighbours of other groups, (n,); NaN where there are none."""
    references, theirs = members[:_REFERENCES], groups[:_REFERENCES]
    parts = []
    for start in range(0, len(members), _ROWS):
        here = slice(start, start + _ROWS)
        distances = np.sqrt(np.maximum(0, 2 - 2 * (members[here] @ references.T)))
        distances[groups[here, None] == theirs] = np.nan
        nearest = np.sort(distances, axis=1)[:, :NEIGHBOURS]  # NaN comes last
        found = np.isfinite(nearest).sum(1)
        parts.append(np.nansum(nearest, axis=1, dtype=np.float64) / np.where(found, found, np.nan))
    return np.concatenate(parts)


def _robust(distances: NDArray[np.float64]) -> NDArray[np.float64]:
    """Deviations from the median in units of the median absolute deviation; NaN if that is nought."""
    known = distances[np.isfinite(distances)]
    if not len(known):
        return distances
    middle = np.median(known)
    spread = _NORMAL * np.median(np.abs(known - middle))
    return np.asarray((distances - middle) / (spread or np.nan), np.float64)
