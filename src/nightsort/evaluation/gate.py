"""Owns the decision whether a challenger becomes champion.

Invariant: both are scored on the same rows, and a tie does not promote. Does not know what either model
is, or how an alias is moved.
"""

import numpy as np
from numpy.typing import NDArray

from nightsort.errors import DatasetError
from nightsort.evaluation.bootstrap import Floats, Ints, macro_f1, resampled
from nightsort.evaluation.scores import Decision

LOW, HIGH = 0.05, 0.95


def judge(
    champion: NDArray[np.float32] | None,
    challenger: NDArray[np.float32],
    labels: Ints,
    classes: list[str],
    max_class_loss: float,
    seed: int,
) -> Decision:
    """Decide by a paired bootstrap on macro-F1 (Efron 1979), with a floor for every class.

    Without a champion, the challenger has to beat guessing.

    :param champion: probabilities, float32 (N, C), zero for a class it does not know; None if there is no champion
    :param challenger: probabilities, float32 (N, C)
    :param labels: class ids, int64 (N,)
    :param max_class_loss: largest loss of recall, 0 to 1, in any class
    :raises DatasetError: no row
    """
    if not len(labels):
        raise DatasetError("test split: no picture to judge by; ingest more pictures or raise 'test'")
    new = challenger.argmax(1)
    if champion is None:
        return _judge_first(new, labels, seed)
    old = champion.argmax(1)
    old_f1, new_f1 = resampled(np.stack((labels, old, new), 1), _each_macro_f1, seed).T
    low, high = np.quantile(new_f1[1:] - old_f1[1:], (LOW, HIGH))
    figures = (
        f"macro-F1 {old_f1[0]:.3f} -> {new_f1[0]:.3f} on {len(labels)} test pictures, "
        f"difference {low:+.3f} to {high:+.3f}"
    )
    lost = _lost_recall(old, new, labels, classes, max_class_loss)
    if low <= 0:
        reason = f"not shown to be better: {figures}; the low end must be above 0"
    elif lost:
        reason = f"loses recall in {lost}, more than max_class_loss={max_class_loss:g}; {figures}"
    else:
        reason = f"better: {figures}"
    return Decision(
        promoted=bool(low > 0 and not lost),
        reason=reason,
        champion_macro_f1=float(old_f1[0]),
        challenger_macro_f1=float(new_f1[0]),
        difference_low=float(low),
        difference_high=float(high),
    )


def _judge_first(new: Ints, labels: Ints, seed: int) -> Decision:
    """Promote the first champion if the low end of its macro-F1 is above what guessing reaches.

    Guessing at the classes' shares reaches 1 / C, which is more than the majority class reaches and
    the most that any guess without looking can.
    """
    f1 = resampled(np.stack((labels, new), 1), _each_macro_f1, seed)[:, 0]
    low, guess = np.quantile(f1[1:], LOW), 1 / len(np.unique(labels))
    majority = _majority_f1(labels)
    figures = (
        f"macro-F1 {f1[0]:.3f} (low end {low:.3f}) on {len(labels)} test pictures; "
        f"guessing reaches {guess:.3f}, the majority class {majority:.3f}"
    )
    promoted = bool(low > guess)
    reason = f"first champion: {figures}" if promoted else f"not shown to be better than guessing: {figures}"
    return Decision(promoted=promoted, reason=reason, challenger_macro_f1=float(f1[0]))


def _majority_f1(labels: Ints) -> float:
    """Macro-F1 of always naming the commonest class."""
    counts = np.unique(labels, return_counts=True)[1]
    share = counts.max() / counts.sum()
    return float(2 * share / (1 + share) / len(counts))


def _each_macro_f1(counts: Ints, cells: Ints) -> Floats:
    """Macro-F1 of each column of predictions beside the true classes, float64 (R, columns)."""
    return np.stack([macro_f1(counts, cells[:, 0], predicted) for predicted in cells[:, 1:].T], 1)


def _lost_recall(old: Ints, new: Ints, labels: Ints, classes: list[str], allowed: float) -> str:
    """Classes whose recall fell by more than allowed, with the figures; empty if none did."""
    lost = []
    for c in np.unique(labels):
        rows = labels == c
        was, now = (old[rows] == c).mean(), (new[rows] == c).mean()
        if was - now > allowed + 1e-9:
            lost.append(f"{classes[c]} ({was:.3f} -> {now:.3f} on {rows.sum()})")
    return ", ".join(lost[:5]) + (f" and {len(lost) - 5} more" if len(lost) > 5 else "")
