"""Owns what the test pictures say for a challenger: better than the champion, worse on no slice, or no better than
guessing.

Invariant: both are scored on the same rows, and a difference counts only where a bootstrap shows it.
Does not know what a model may lose elsewhere.
"""

import numpy as np
from numpy.typing import NDArray

from nightsort.evaluation.bootstrap import Floats, Ints, macro_f1, resampled
from nightsort.evaluation.scores import Check, Slice

LOW, HIGH = 0.05, 0.95
ALL = "all"
_DISCORDANT = 5  # pictures that only one of both gets right: of fewer, an exact sign test shows nothing at 5 %


def compared(name: str, labels: Ints, old: Ints, new: Ints, seed: int) -> Slice:
    """Both models on some pictures, by a paired bootstrap on macro-F1 (Efron 1979).

    :param labels: class ids, int64 (N,), N at least 1
    :param old: what the champion says, int64 (N,)
    :param new: what the challenger says, int64 (N,)
    """
    old_f1, new_f1 = resampled(np.stack((labels, old, new), 1), _each_macro_f1, seed).T
    low, high = np.quantile(new_f1[1:] - old_f1[1:], (LOW, HIGH))
    return Slice(
        name=name, pictures=len(labels), champion_macro_f1=float(old_f1[0]), challenger_macro_f1=float(new_f1[0]),
        difference_low=float(low), difference_high=float(high),
    )  # fmt: skip


def better(whole: Slice, labels: Ints, old: Ints, new: Ints, margin: float) -> Check:
    """Whether the challenger is better by more than a margin, with the p-value of McNemar's exact test (1947).

    The other parameters are those of :func:`compared`.

    :param whole: both models on all test pictures
    :param margin: in macro-F1, 0 to 1
    """
    figures = f"{_figures(whole)}, McNemar p {mcnemar(labels, old, new):.2g}"
    if whole.difference_low > margin:
        return Check(name="better", passed=True, line=f"better: {figures}")
    line = f"not shown to be better: {figures}; the low end must be above {margin:g}"
    return Check(name="better", passed=False, line=line)


def mcnemar(labels: Ints, old: Ints, new: Ints) -> float:
    """Two-sided p-value of McNemar's exact test: is one of both right more often where they differ?

    The parameters are those of :func:`compared`.
    """
    from scipy.stats import binomtest

    won, lost = _discordant(labels, old, new)
    return float(binomtest(won, won + lost).pvalue) if won + lost else 1.0


def not_worse(part: Slice, labels: Ints, old: Ints, new: Ints) -> Check:
    """Whether a slice shows no loss: the high end of the difference is not below 0.

    The other parameters are those of :func:`compared`.

    :param part: both models on the slice
    """
    shown = part.difference_high < 0 and sum(_discordant(labels, old, new)) >= _DISCORDANT
    line = f"worse on the {part.name} pictures: {_figures(part)}" if shown else f"{part.name}: {_figures(part)}"
    return Check(name=f"{part.name} pictures", passed=not shown, line=line)


def beats_guessing(labels: Ints, new: Ints, seed: int) -> tuple[Check, float]:
    """Whether the low end of a first model's macro-F1 is above what guessing reaches; its macro-F1.

    Guessing at the classes' shares reaches 1 / C, which is more than the majority class reaches and
    the most that any guess without looking can.

    :param labels: class ids, int64 (N,), N at least 1
    :param new: what the model says, int64 (N,)
    """
    f1 = resampled(np.stack((labels, new), 1), _each_macro_f1, seed)[:, 0]
    low, guess = np.quantile(f1[1:], LOW), 1 / len(np.unique(labels))
    figures = (
        f"macro-F1 {f1[0]:.3f} (low end {low:.3f}) on {len(labels)} test pictures; "
        f"guessing reaches {guess:.3f}, the majority class {_majority_f1(labels):.3f}"
    )
    if low > guess:
        return Check(name="better", passed=True, line=f"first champion: {figures}"), float(f1[0])
    remedy = (
        "too few test pictures to tell: take in more labelled pictures"
        if f1[0] > guess
        else "it learned nothing that holds: look at the labels (nightsort audit), then train longer or with a larger "
        "image_size"
    )
    line = f"not shown to be better than guessing: {figures}; {remedy}"
    return Check(name="better", passed=False, line=line), float(f1[0])


def split(frozen: NDArray[np.bool_]) -> dict[str, NDArray[np.bool_]]:
    """The slices that both hold pictures: where all are of one kind, there is nothing to tell apart.

    :param frozen: which pictures were there when the champion was judged, bool (N,)
    :returns: {name: which pictures, bool (N,)}
    """
    return {"frozen": frozen, "newest": ~frozen} if frozen.any() and not frozen.all() else {}


def _figures(part: Slice) -> str:
    return (
        f"macro-F1 {part.champion_macro_f1:.3f} -> {part.challenger_macro_f1:.3f} on {part.pictures} test pictures, "
        f"difference {part.difference_low:+.3f} to {part.difference_high:+.3f}"
    )


def _discordant(labels: Ints, old: Ints, new: Ints) -> tuple[int, int]:
    """Pictures that only the challenger gets right, and only the champion."""
    was, now = old == labels, new == labels
    return int((now & ~was).sum()), int((was & ~now).sum())


def _majority_f1(labels: Ints) -> float:
    """Macro-F1 of always naming the commonest class."""
    counts = np.unique(labels, return_counts=True)[1]
    share = counts.max() / counts.sum()
    return float(2 * share / (1 + share) / len(counts))


def _each_macro_f1(counts: Ints, cells: Ints) -> Floats:
    """Macro-F1 of each column of predictions beside the true classes, float64 (R, columns)."""
    return np.stack([macro_f1(counts, cells[:, 0], predicted) for predicted in cells[:, 1:].T], 1)
