"""Owns the figures of a model on labelled pictures.

Invariant: computed at the natural prior of the rows given; a class without a row has no figures and
no part in a mean. Does not know where probabilities come from.
"""

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, confusion_matrix, precision_recall_fscore_support

from nightsort.errors import DatasetError
from nightsort.evaluation.calibration import calibration_error
from nightsort.evaluation.scores import ClassScore, Scores


def evaluate(probabilities: NDArray[np.float32], labels: NDArray[np.int64], classes: list[str]) -> Scores:
    """Accuracy, macro-F1, calibration and the confusion matrix.

    :param probabilities: float32 (N, C), rows summing to 1
    :param labels: class ids, int64 (N,)
    :raises DatasetError: no row
    """
    if not len(labels):
        raise DatasetError("test split: no picture; ingest more pictures or raise 'test'")
    predicted = probabilities.argmax(1)
    ids = np.arange(len(classes))
    precision, recall, f1, support = precision_recall_fscore_support(labels, predicted, labels=ids, zero_division=0)
    present = support > 0
    return Scores(
        pictures=len(labels),
        accuracy=float(accuracy_score(labels, predicted)),
        balanced_accuracy=float(recall[present].mean()),
        macro_f1=float(f1[present].mean()),
        calibration_error=calibration_error(probabilities, labels),
        classes=[_class_score(*figures) for figures in zip(classes, support, precision, recall, f1, strict=True)],
        confusion=confusion_matrix(labels, predicted, labels=ids).tolist(),
    )


def _class_score(label: str, support: int, precision: float, recall: float, f1: float) -> ClassScore:
    """Figures of one class; None where the class has no row."""
    if not support:
        return ClassScore(label=label, support=0, precision=None, recall=None, f1=None)
    return ClassScore(label=label, support=int(support), precision=float(precision), recall=float(recall), f1=float(f1))
