"""Owns the balancing plan: from class counts and one knob to the rows, weights and priors of training.

Invariant: a plan holds row indices of the training split it was made from, and nothing else's.
Does not know pictures, embeddings or networks.
"""

from dataclasses import dataclass
from typing import get_args

import numpy as np
from imblearn.over_sampling import RandomOverSampler
from numpy.typing import NDArray

from nightsort.errors import ConfigError, DatasetError
from nightsort.words import Balance


@dataclass(frozen=True)
class Plan:
    """What one epoch draws and how much each class counts in the loss.

    :param strategy: the knob this plan was made from
    :param before: pictures per class in the training split, int64 (C,)
    :param targets: class id -> rows that class has in `rows`, or will have after SMOTE
    :param rows: indices into the training split, int64; one epoch draws N of them
    :param weights: factor per class in the loss, float32 (C,); their mean over the training split is 1
    :param after: effective pictures per class in one epoch, int64 (C,)
    """

    strategy: Balance
    before: NDArray[np.int64]
    targets: dict[int, int]
    rows: NDArray[np.int64]
    weights: NDArray[np.float32]
    after: NDArray[np.int64]

    def epoch(self, rng: np.random.Generator) -> NDArray[np.int64]:
        """Row indices of one epoch in random order, int64 (N,).

        Every strategy costs as many pictures an epoch as the training split has: oversampled rows
        are drawn without replacement, so majority pictures left out now come in later epochs.
        """
        return rng.permutation(self.rows)[: self.before.sum()]


def make_plan(strategy: Balance, labels: NDArray[np.int64], classes: list[str], seed: int) -> Plan:
    """Turn the balance knob into a plan for one training split.

    :param labels: class ids of the training split, int64 (N,), each in 0..C-1
    :raises DatasetError: a class has no training picture
    :raises ConfigError: unknown strategy
    """
    if strategy not in get_args(Balance):
        raise ConfigError(f"balance: must be one of {', '.join(get_args(Balance))}, got {strategy!r}")
    before = count(labels, classes)
    targets = _targets(strategy, before)
    return Plan(
        strategy=strategy,
        before=before,
        targets=targets,
        rows=_oversample(labels, targets, seed) if strategy == "oversampling" else np.arange(len(labels)),
        weights=_weights(before) if strategy == "class_weights" else np.ones(len(classes), np.float32),
        after=_after(strategy, before, targets),
    )


def count(labels: NDArray[np.int64], classes: list[str]) -> NDArray[np.int64]:
    """Pictures per class, int64 (C,).

    :raises DatasetError: a class has none
    """
    counts = np.bincount(labels, minlength=len(classes)).astype(np.int64)
    missing = [name for name, pictures in zip(classes, counts, strict=True) if pictures == 0]
    if missing:
        shown = ", ".join(missing[:5]) + (f" and {len(missing) - 5} more" if len(missing) > 5 else "")
        raise DatasetError(f"training split: no picture of class {shown}; ingest more pictures of it, or leave it out")
    return counts


def _targets(strategy: Balance, before: NDArray[np.int64]) -> dict[int, int]:
    """Class id -> rows: every class as many as the largest where rows are added, else as it is."""
    adds = strategy in ("oversampling", "smote")
    return {c: int(before.max() if adds else n) for c, n in enumerate(before)}


def _oversample(labels: NDArray[np.int64], targets: dict[int, int], seed: int) -> NDArray[np.int64]:
    """Row indices with every class repeated up to its target, int64 (sum of targets,)."""
    sampler = RandomOverSampler(sampling_strategy=targets, random_state=seed)
    sampler.fit_resample(np.arange(len(labels)).reshape(-1, 1), labels)
    return np.asarray(sampler.sample_indices_, dtype=np.int64)


def _weights(before: NDArray[np.int64]) -> NDArray[np.float32]:
    """Inverse class frequency, N / (C n_c) (King and Zeng 2001, scikit-learn's "balanced")."""
    weights: NDArray[np.float32] = (before.sum() / (len(before) * before)).astype(np.float32)
    return weights


def _after(strategy: Balance, before: NDArray[np.int64], targets: dict[int, int]) -> NDArray[np.int64]:
    """What the loss sees of each class in one epoch, for the report.

    Weights, the sampler and the balanced softmax all stand for a uniform prior over as many pictures
    as the split has; SMOTE adds rows, so every class counts as many as the largest.
    """
    if strategy in ("none", "smote"):
        return np.array(list(targets.values()), dtype=np.int64)
    return np.full(len(before), round(int(before.sum()) / len(before)), dtype=np.int64)
