"""Owns the choice between settings of a classical model.

Invariant: the validation split alone chooses; at a tie the earlier setting wins, which is the simpler.
Does not know how a setting is fitted.
"""

import warnings
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from torch import nn

from nightsort.learning.classical.estimators import LEARN, MACHINES_ROWS, Rows, Settings
from nightsort.learning.validation import macro_f1
from nightsort.words import Classical

SETTINGS: dict[Classical, list[Settings]] = {
    "logistic-regression": [{"C": c} for c in (1.0, 10.0, 100.0)],
    "svm": [{"C": c, "gamma": g} for g in (0.5, 1.0, 2.0) for c in (1.0, 10.0)],
    "decision-tree": [{"max_leaf_nodes": leaves, "max_depth": 16} for leaves in (64, 256)],
    "random-forest": [
        {"n_estimators": 200, "max_depth": 24, "max_leaf_nodes": 512, "min_samples_leaf": least} for least in (1, 4)
    ],
    "gradient-boosting": [
        {"n_estimators": 100, "learning_rate": 0.1, "max_depth": 3, "subsample": 0.5, "max_features": "sqrt"}
    ],
}


def choose(
    name: Classical,
    rows: Rows,
    validation: NDArray[np.float32],
    labels: NDArray[np.int64],
    seed: int,
    on_fit: Callable[[], None],
) -> tuple[nn.Module, str]:
    """The head with the best macro-F1 on validation, of one fit for each setting, and a note that says which.

    :param validation: features, float32 (n, D), n at least 1
    :param labels: of validation, int64 (n,)
    :param on_fit: called after each fit
    """
    best: tuple[float, nn.Module, Settings] | None = None
    for settings in SETTINGS[name]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # what stopped early is judged like the others
            head = LEARN[name](rows, settings, seed).eval()
        merit = macro_f1(labels, _predicted(head, validation))
        if best is None or merit > best[0] + 1e-9:
            best = merit, head, settings
        on_fit()
    assert best is not None
    chosen = ", ".join(f"{key} {value}" for key, value in best[2].items())
    tried = len(SETTINGS[name])
    note = f"{name}: {chosen}; macro-F1 {best[0]:.3f} on validation, the best of {tried} settings"
    if name == "svm" and len(rows.labels) > MACHINES_ROWS:
        note += f"; fitted on {MACHINES_ROWS} of {len(rows.labels)} rows, of small classes on all"
    return best[1], note


def _predicted(head: nn.Module, features: NDArray[np.float32]) -> NDArray[np.int64]:
    """Class ids, int64 (N,)."""
    with torch.inference_mode():
        parts = [head(part).argmax(1) for part in torch.split(torch.from_numpy(features), 1024)]
    return np.asarray(torch.cat(parts).numpy(), np.int64)
