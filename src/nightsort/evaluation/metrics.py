"""Owns the figures of a model on labelled pictures.

Invariant: computed at the natural prior of the rows given; a class without a row has no figures and
no part in a mean. Does not know where probabilities come from.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, precision_recall_fscore_support

from nightsort.errors import DatasetError
from nightsort.evaluation import confusion, curves
from nightsort.evaluation.bootstrap import intervals
from nightsort.evaluation.calibration import calibration_error, reliability
from nightsort.evaluation.scores import MAX_CURVES, ClassScore, Curve, Scores

MANY, FEW = 100, 20  # training pictures: more is many-shot, fewer is few-shot
_SEED = 0  # of the bootstrap: the same answers have the same intervals

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]


def evaluate(probabilities: Floats, labels: Ints, classes: list[str], training: Ints | None = None) -> Scores:
    """Every figure that a report shows of a model's answers.

    :param probabilities: float32 (N, C), rows summing to 1
    :param labels: class ids, int64 (N,)
    :param training: training pictures of each class, int64 (C,), for many, medium and few-shot
    :raises DatasetError: no row
    """
    if not len(labels):
        raise DatasetError("test split: no picture; ingest more pictures or raise 'test'")
    predicted = probabilities.argmax(1)
    rows = _class_scores(probabilities, labels, predicted, classes, training)
    return Scores(
        pictures=len(labels),
        accuracy=float(accuracy_score(labels, predicted)),
        balanced_accuracy=_mean(rows, "recall") or 0.0,
        macro_precision=_mean(rows, "precision") or 0.0,
        macro_recall=_mean(rows, "recall") or 0.0,
        macro_f1=_mean(rows, "f1") or 0.0,
        roc_auc=_mean(rows, "roc_auc"),
        average_precision=_mean(rows, "average_precision"),
        calibration_error=calibration_error(probabilities, labels),
        reliability=reliability(probabilities, labels),
        log_loss=_log_loss(probabilities, labels),
        classes=rows,
        absent=[row.label for row in rows if not row.support],
        shots=_shots(rows),
        intervals=intervals(labels, predicted, _SEED),
        coverage=curves.coverage(probabilities, labels),
        **_top_k(probabilities, labels),
        **_worst_curves(probabilities, labels, rows),
        **confusion.folded(labels, predicted, classes),
    )


def _class_scores(
    probabilities: Floats, labels: Ints, predicted: Ints, classes: list[str], training: Ints | None
) -> list[ClassScore]:
    """Figures of each class; None where it has no row."""
    ids = np.arange(len(classes))
    precision, recall, f1, support = precision_recall_fscore_support(labels, predicted, labels=ids, zero_division=0)
    rows = []
    for i, label in enumerate(classes):
        shot = "" if training is None else _shot(int(training[i]))
        row = ClassScore(label=label, support=int(support[i]), precision=None, recall=None, f1=None, shot=shot)
        if support[i]:
            figures = {"precision": float(precision[i]), "recall": float(recall[i]), "f1": float(f1[i])}
            row = row.model_copy(update=figures | _areas(probabilities[:, i], labels == i))
        rows.append(row)
    return rows


def _areas(score: Floats, positive: NDArray[np.bool_]) -> dict[str, float]:
    """Areas under the curves of a class against the rest; none where the rest has no picture."""
    if positive.all():
        return {}
    sweep = curves.sweep(score, positive)
    return {"roc_auc": sweep.roc_auc, "average_precision": sweep.average_precision}


def _shot(pictures: int) -> str:
    return "many" if pictures > MANY else "few" if pictures < FEW else "medium"


def _shots(rows: list[ClassScore]) -> dict[str, float]:
    """Mean recall of the classes of each shot, where there are any with a row."""
    groups = {shot: _mean([row for row in rows if row.shot == shot], "recall") for shot in ("many", "medium", "few")}
    return {shot: mean for shot, mean in groups.items() if mean is not None}


def _mean(rows: list[ClassScore], figure: str) -> float | None:
    """Mean over the classes that have the figure; None where none has."""
    values = [value for row in rows if (value := getattr(row, figure)) is not None]
    return float(np.mean(values)) if values else None


def _log_loss(probabilities: Floats, labels: Ints) -> float:
    likely = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return float(-np.log(likely.clip(np.finfo(np.float32).eps, 1)).mean())


def _top_k(probabilities: Floats, labels: Ints) -> dict[str, Any]:
    """Accuracy where any of the k most probable classes may be right; of equals, the first counts as more probable.

    scikit-learn takes the last of equals, and so can find fewer pictures right than the accuracy does.
    """
    classes = probabilities.shape[1]
    k = 5 if classes >= 10 else 3 if classes >= 6 else 2 if classes >= 4 else 0
    if not k:
        return {}
    true = probabilities[np.arange(len(labels)), labels][:, None]
    before = (probabilities == true) & (np.arange(classes) < labels[:, None])
    rank = ((probabilities > true) | before).sum(1)
    return {"top_k": k, "top_k_accuracy": float((rank < k).mean())}


def _worst_curves(probabilities: Floats, labels: Ints, rows: list[ClassScore]) -> dict[str, list[Curve]]:
    """Curves of the MAX_CURVES classes with the least average precision."""
    drawn = [i for i, row in enumerate(rows) if row.average_precision is not None]
    worst = sorted(drawn, key=lambda i: (rows[i].average_precision, i))[:MAX_CURVES]
    found: dict[str, list[Curve]] = {"roc": [], "precision_recall": []}
    for i in worst:
        sweep = curves.sweep(probabilities[:, i], labels == i)
        found["roc"].append(sweep.roc(rows[i].label))
        found["precision_recall"].append(sweep.precision_recall(rows[i].label))
    return found
