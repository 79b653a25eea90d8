"""Owns the search for wrong labels.

Invariant: no picture is judged by a classifier that saw it or one of its group. Nothing is changed: these
are suspicions, for a person to look at.
Does not know where embeddings come from; those of a network that was trained on the same labels hide some.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from threadpoolctl import threadpool_limits

from nightsort.errors import ConfigError

FOLDS = 5
_STRENGTH = 30.0  # inverse of the penalty; chosen on digits and on magnetic tiles with labels changed on purpose
_STEPS = 100  # of L-BFGS at most; 300 find the same labels


@dataclass(frozen=True)
class Suspects:
    """Pictures whose label is probably wrong, the most suspect first.

    :param rows: their rows, int64 (K,)
    :param suggested: class ids, int64 (K,)
    :param confidence: out-of-sample probability of the label as given, float64 (K,)
    """

    rows: NDArray[np.int64]
    suggested: NDArray[np.int64]
    confidence: NDArray[np.float64]


def require() -> None:
    """:class:`ConfigError` if the extra is not installed."""
    if find_spec("cleanlab") is None:
        raise ConfigError(
            "label_noise: needs cleanlab, which is not installed; run: pip install 'nightsort[label-noise]'"
        )


def find_suspects(
    embeddings: NDArray[np.float32],
    labels: NDArray[np.int64],
    groups: NDArray[np.int64],
    seed: int,
    on_progress: Callable[[int], None] = lambda count: None,
) -> Suspects:
    """Confident learning (Northcutt et al. 2021, by cleanlab) on cross-validated logistic regression.

    A class with fewer groups than FOLDS cannot be cross-validated: its pictures are neither judged nor learned from.

    :param embeddings: (N, D), rows of unit length
    :param labels: class ids, (N,)
    :param groups: group ids, (N,); near-duplicates share one, and a group is never on both sides
    :param on_progress: called with 1 after each of the FOLDS folds
    """
    require()
    from cleanlab.filter import find_label_issues

    judged = np.flatnonzero(np.isin(labels, _large_enough(labels, groups)))
    classes, given = np.unique(labels[judged], return_inverse=True)
    if len(classes) < 2:
        return Suspects(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
    probabilities = _out_of_sample(embeddings[judged], given, groups[judged], seed, on_progress)
    found = find_label_issues(given, probabilities, return_indices_ranked_by="self_confidence", n_jobs=1)
    found = np.asarray(found, np.int64)
    suggested = classes[probabilities[found].argmax(1)]
    return Suspects(judged[found], suggested, probabilities[found, given[found]])


def _large_enough(labels: NDArray[np.int64], groups: NDArray[np.int64]) -> NDArray[np.int64]:
    """Classes with a group for each fold."""
    pairs = np.unique(np.stack([labels, groups], 1), axis=0)
    classes, counts = np.unique(pairs[:, 0], return_counts=True)
    return np.asarray(classes[counts >= FOLDS], np.int64)


def _out_of_sample(
    rows: NDArray[np.float32],
    labels: NDArray[np.int64],
    groups: NDArray[np.int64],
    seed: int,
    on_progress: Callable[[int], None],
) -> NDArray[np.float64]:
    """Probabilities (N, C) of each row by a classifier that never saw its group."""
    probabilities = np.zeros((len(rows), labels.max() + 1))
    for train, test in StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed).split(rows, labels, groups):
        model = LogisticRegression(C=_STRENGTH, max_iter=_STEPS)
        with threadpool_limits(1), warnings.catch_warnings():  # twenty times slower on two cores that others use too
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(rows[train], labels[train])
        probabilities[np.ix_(test, model.classes_)] = model.predict_proba(rows[test])
        on_progress(1)
    return probabilities
