"""Owns what a strategy of balancing means for a model of scikit-learn, which is fitted once, on features.

Invariant: every strategy means something; where it lives in a network's loss or epochs, a note says what is done
instead. Does not know which model is fitted.
"""

import numpy as np
from numpy.typing import NDArray

from nightsort.balance import weights
from nightsort.balance.plan import ON_EMBEDDINGS, Plan
from nightsort.balance.rows import draw
from nightsort.balance.synthesis import synthesise

Features = NDArray[np.float32]
Labels = NDArray[np.int64]
Resampled = tuple[Features, Labels, NDArray[np.float32], list[str]]

_OF_A_NETWORK = ("focal", "balanced_softmax", "logit_adjustment", "ldam_drw", "deferred_sampling")


def resample(features: Features, labels: Labels, plan: Plan, seed: int) -> Resampled:
    """The rows to fit a model on, and how much each counts.

    :param features: float32 (N, D), of the training split, in the order of the plan's labels
    :param labels: class ids, int64 (N,)
    :return: features (M, D), labels (M,), weights of the rows, float32 (M,) with mean 1, notes for the report; what
        the model sees of each class is ``np.bincount(labels, weights, minlength=C)``
    """
    if plan.strategy in (*ON_EMBEDDINGS, "pixel_smote"):
        features, labels, notes = synthesise(plan.strategy, features, labels, plan.targets, plan.classes, seed)
        if plan.strategy == "pixel_smote":
            notes = ["pixel_smote: a model on features has no pixels; features are mixed instead", *notes]
        return features, labels, np.ones(len(labels), np.float32), notes
    if plan.strategy in ("oversampling", "undersampling", "square_root_sampling"):
        counts = np.array([plan.targets[c] for c in range(len(plan.before))])
        rows = draw(labels, counts, np.random.default_rng(seed))
        return features[rows], labels[rows], np.ones(len(rows), np.float32), []
    if plan.strategy in _OF_A_NETWORK:
        note = f"{plan.strategy}: belongs to the training of a network; class_weights stand in for it"
        return features, labels, weights.inverse_frequency(plan.before)[labels], [note]
    return features, labels, plan.weights[labels], []
