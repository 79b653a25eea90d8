"""Owns the balancing plan: from class counts, with one knob, to the rows, weights and priors of training.

Invariant: a plan names rows of the training split it was made from, or of that split's own blends, and nothing
else's; an epoch is never longer than the split. With as many pictures of each class, every plan is that of `none`.
Does not know pictures, embeddings or networks.
"""

from dataclasses import dataclass, field
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from nightsort.balance import weights
from nightsort.balance.rows import Counts, apportion, draw
from nightsort.errors import ConfigError, DatasetError
from nightsort.faults import nearest
from nightsort.words import Balance

DEFERRED = 0.8
"""Share of the epochs that deferred strategies leave as they are (Cao et al. 2019: 160 of 200)."""

ON_EMBEDDINGS = ("smote", "borderline_smote", "adasyn")
"""Strategies that add synthetic rows to frozen embeddings, after training."""

_DRAWS = ("oversampling", "undersampling", "square_root_sampling", "deferred_sampling", "pixel_smote")
_WEIGHTED = {
    "class_weights": weights.inverse_frequency,
    "effective_number": weights.effective_number,
    "ldam_drw": weights.effective_number,
}


@dataclass(frozen=True)
class Plan:
    """What one epoch draws and how much each class counts in the loss.

    :param strategy: the knob this plan was made from
    :param classes: C names
    :param labels: class ids of the training split, int64 (N,)
    :param before: pictures per class in the training split, int64 (C,)
    :param targets: class id -> rows of it once the whole split is resampled, as imbalanced-learn takes them
    :param weights: factor per class in the loss, float32 (C,); their mean over the training split is 1
    :param after: effective pictures per class in one epoch, of the last ones where the strategy is deferred; of the
        SMOTE family on embeddings those that the head is retrained on, int64 (C,)
    :param notes: what the report should say about it
    """

    strategy: Balance
    classes: list[str]
    labels: NDArray[np.int64]
    before: Counts
    targets: dict[int, int]
    weights: NDArray[np.float32]
    after: Counts
    notes: list[str] = field(default_factory=list)

    @property
    def extended(self) -> NDArray[np.int64]:
        """Class ids of all rows that an epoch draws from, int64: the split's, then its blends', class by class."""
        if self.strategy != "pixel_smote":
            return self.labels
        wanted = np.array([self.targets[c] for c in range(len(self.before))]) - self.before
        return np.concatenate([self.labels, np.repeat(np.arange(len(wanted)), wanted)])

    @property
    def length(self) -> int:
        """Rows of every epoch, at most as many as the split has."""
        return int(self.after.sum()) if self.strategy == "undersampling" else len(self.labels)

    def rows(self, epoch: int, epochs: int, seed: int) -> NDArray[np.int64]:
        """Rows of one epoch in random order, int64 (length,): a pure function of its arguments.

        :param epoch: counted from 1
        :param epochs: of the whole training
        """
        return np.random.default_rng([seed, epoch, 0]).permutation(self._drawn(epoch, epochs, seed))

    def _drawn(self, epoch: int, epochs: int, seed: int) -> NDArray[np.int64]:
        natural = self.strategy not in _DRAWS or (
            self.strategy == "deferred_sampling" and not deferred(progress(epoch, epochs))
        )
        if natural:
            return np.arange(len(self.labels))
        return draw(self.extended, self.after, np.random.default_rng([seed, epoch, 1]))


def progress(epoch: int, epochs: int) -> float:
    """Share of the epochs that are done when one begins; they are counted from 1."""
    return (epoch - 1) / epochs


def deferred(progress: float) -> bool:
    """Whether what a deferred strategy does has begun."""
    return progress >= DEFERRED - 1e-9


def second_phase(strategy: Balance, epochs: int) -> int:
    """The first epoch, from 1, in which a deferred strategy does what it is for; 1 for all others."""
    late = strategy in ("deferred_sampling", "ldam_drw")
    return next(e for e in range(1, epochs + 1) if not late or e == epochs or deferred(progress(e, epochs)))


def make_plan(strategy: Balance, labels: NDArray[np.int64], classes: list[str]) -> Plan:
    """Turn the balance knob into a plan for one training split.

    :param labels: class ids of the training split, int64 (N,), each in 0..C-1
    :raises DatasetError: a class has no training picture
    :raises ConfigError: unknown strategy
    """
    check(strategy)
    before = count(labels, classes)
    targets = _targets(strategy, before)
    factors = _WEIGHTED.get(strategy, weights.even)(before)
    after = _after(strategy, before, targets, factors)
    notes = _notes(strategy, before, after, classes)
    return Plan(strategy, classes, labels, before, dict(enumerate(targets.tolist())), factors, after, notes)


def check(strategy: str) -> None:
    """Refuse a word that names no strategy, with those near it.

    :raises ConfigError: unknown strategy
    """
    if strategy not in (known := get_args(Balance)):
        near = nearest(strategy, known, most=3, cutoff=0.5) or known
        raise ConfigError(
            f"balance: unknown strategy {strategy!r}; near it: {', '.join(near)}; allowed are {', '.join(known)}"
        )


def count(labels: NDArray[np.int64], classes: list[str]) -> Counts:
    """Pictures per class, int64 (C,).

    :raises DatasetError: a class has none
    """
    counts = np.bincount(labels, minlength=len(classes)).astype(np.int64)
    missing = [name for name, pictures in zip(classes, counts, strict=True) if pictures == 0]
    if missing:
        shown = ", ".join(missing[:5]) + (f" and {len(missing) - 5} more" if len(missing) > 5 else "")
        raise DatasetError(f"training split: no picture of class {shown}; ingest more pictures of it, or leave it out")
    return counts


def _targets(strategy: Balance, before: Counts) -> Counts:
    """Rows of each class after resampling the split once: the largest class's, the smallest's, or as it is."""
    if strategy in (*ON_EMBEDDINGS, "pixel_smote", "oversampling", "deferred_sampling"):
        return np.full_like(before, before.max())
    if strategy == "undersampling":
        return np.full_like(before, before.min())
    return apportion(np.sqrt(before), int(before.sum())) if strategy == "square_root_sampling" else before


def _after(strategy: Balance, before: Counts, targets: Counts, factors: NDArray[np.float32]) -> Counts:
    """What the loss sees of each class in one epoch.

    Balanced softmax and logit adjustment stand for a uniform prior over as many pictures as the split has; so do
    the samplers that draw each class alike, since an epoch is no longer than the split. The focal loss weighs
    hard pictures, not classes.
    """
    if strategy in ("undersampling", "square_root_sampling", *ON_EMBEDDINGS):
        return targets
    uniform = strategy in ("balanced_softmax", "logit_adjustment", *_DRAWS)
    shares = np.ones(len(before)) if uniform else before * factors
    return apportion(shares.astype(np.float64), int(before.sum()))


def _notes(strategy: Balance, before: Counts, after: Counts, classes: list[str]) -> list[str]:
    rarest = int(before.argmin())
    if strategy == "undersampling" and after.sum() < before.sum():
        return [
            f"undersampling: an epoch draws {after.sum()} of {before.sum()} pictures, {before[rarest]} of each class "
            f"as of the rarest, {classes[rarest]}; other ones in every epoch"
        ]
    single = [classes[c] for c in np.flatnonzero(before == 1)]
    if strategy == "pixel_smote" and single and before.max() > 1:
        return [f"pixel_smote: one training picture of {', '.join(single)}; it is repeated, not mixed"]
    return []
