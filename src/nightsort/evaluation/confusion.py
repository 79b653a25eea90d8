"""Owns the confusion matrix of many classes.

Invariant: every row is counted once, in at most MAX_CONFUSED + 1 rows and columns.
Does not know how it is drawn.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nightsort.evaluation.scores import MAX_CONFUSED

Ints = NDArray[np.int64]


def folded(labels: Ints, predicted: Ints, classes: list[str]) -> dict[str, Any]:
    """The fields `confusion` and `confused` of :class:`nightsort.evaluation.scores.Scores`.

    :param labels: class ids, int64 (N,)
    :param predicted: class ids, int64 (N,)
    """
    if len(classes) <= MAX_CONFUSED:
        return {"confusion": _counts(labels, predicted, len(classes))}
    wrong = labels != predicted
    mistakes = sum(np.bincount(side[wrong], minlength=len(classes)) for side in (labels, predicted))
    kept = np.sort(np.argsort(-mistakes, kind="stable")[:MAX_CONFUSED])
    place = np.full(len(classes), MAX_CONFUSED)  # of the rest, together
    place[kept] = np.arange(MAX_CONFUSED)
    return {
        "confusion": _counts(place[labels], place[predicted], MAX_CONFUSED + 1),
        "confused": [classes[i] for i in kept],
    }


def _counts(labels: Ints, predicted: Ints, size: int) -> list[list[int]]:
    counts: list[list[int]] = np.bincount(labels * size + predicted, minlength=size**2).reshape(size, size).tolist()
    return counts
