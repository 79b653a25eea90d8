"""Owns the curves of a judgement: ROC and precision-recall of a class, precision over coverage.

Invariant: at most MAX_POINTS points, all of them on the curve, both ends among them. Does not know which
classes are worth a curve.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nightsort.evaluation.scores import MAX_POINTS, Curve

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Sweep:
    """One class against the rest at every confidence that occurs, the highest first, each float64 (T,).

    As scikit-learn's functions, which check their input anew at every call: half a minute for thousands of classes.
    """

    recall: Floats
    precision: Floats
    false_positives: Floats  # rate

    @property
    def roc_auc(self) -> float:
        """Area under the ROC curve."""
        return float(np.trapezoid(np.append(0, self.recall), np.append(0, self.false_positives)))

    @property
    def average_precision(self) -> float:
        """Mean precision, weighted by what each step adds to recall."""
        return float(np.diff(self.recall, prepend=0) @ self.precision)

    def roc(self, label: str) -> Curve:
        """False positive rate against true positive rate."""
        return _curve(label, np.append(0, self.false_positives), np.append(0, self.recall), self.roc_auc)

    def precision_recall(self, label: str) -> Curve:
        """Recall against precision."""
        return _curve(label, np.append(0, self.recall), np.append(1, self.precision), self.average_precision)


def sweep(score: NDArray[np.float32], positive: NDArray[np.bool_]) -> Sweep:
    """Lower the confidence from which on a picture is named so.

    :param score: probability of the class, float32 (N,)
    :param positive: whether a picture is of the class, bool (N,); some are, some are not
    """
    order = np.argsort(-score)
    ends = _ends(score[order])
    true = np.cumsum(positive[order])[ends]
    named = ends + 1
    return Sweep(true / true[-1], true / named, (named - true) / (len(score) - true[-1]))


def coverage(probabilities: NDArray[np.float32], labels: NDArray[np.int64]) -> Curve:
    """Share of pictures answered, the surest first, against precision among them (El-Yaniv and Wiener 2010).

    Pictures of equal confidence are answered together. The area is the mean precision over all shares.

    :param probabilities: float32 (N, C), N at least 1
    :param labels: class ids, int64 (N,)
    """
    confidence = probabilities.max(1)
    order = np.argsort(-confidence)
    ends = _ends(confidence[order])
    precision = np.cumsum((probabilities.argmax(1) == labels)[order])[ends] / (ends + 1)
    share = (ends + 1) / len(labels)
    return _curve("all", share, precision, float(np.diff(share, prepend=0) @ precision))


def _ends(sorted_score: NDArray[np.float32]) -> NDArray[np.int64]:
    """The last row of each run of equal scores: a threshold cannot part them."""
    return np.flatnonzero(np.append(sorted_score[1:] != sorted_score[:-1], True))


def _curve(label: str, x: Floats, y: Floats, area: float) -> Curve:
    """Points about equally far apart along the curve."""
    if len(x) > MAX_POINTS:
        length = np.cumsum(np.abs(np.diff(x, prepend=x[0])) + np.abs(np.diff(y, prepend=y[0])))
        kept = np.unique(np.searchsorted(length, np.linspace(0, length[-1], MAX_POINTS)))
        kept[-1] = len(x) - 1
        x, y = x[kept], y[kept]
    return Curve(label=label, x=x.tolist(), y=y.tolist(), area=area)
