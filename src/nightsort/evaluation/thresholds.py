"""Owns the confidence below which a model had better not answer, class by class.

Invariant: on the pictures it was chosen on, a class answers with the target precision or not at all, unless a
note says otherwise. Does not know how confidence is calibrated, nor who asks.
"""

import numpy as np
from numpy.typing import NDArray

ALWAYS_ABSTAIN = 2.0
"""A threshold that no confidence reaches."""

MIN_ANSWERED = 10
"""Pictures below which a precision is not believed."""

_NAMED = 20  # classes named in a note


def for_precision(
    probabilities: NDArray[np.float32], labels: NDArray[np.int64], classes: list[str], target: float, least: float
) -> tuple[dict[str, float], list[str]]:
    """The smallest confidence of each predicted class from which on its answers reach a precision.

    A class with fewer than MIN_ANSWERED predictions takes the threshold that reaches the target over all classes
    together; one that cannot reach it, by at least as many answers, always abstains. A note names them.

    :param probabilities: calibrated, of the validation split, float32 (N, C)
    :param labels: class ids, int64 (N,)
    :param target: precision, 0 to 1
    :param least: no threshold is below this
    :returns: {class: confidence below which it abstains}, and notes
    """
    predicted, confidence = probabilities.argmax(1), probabilities.max(1)
    right = predicted == labels
    counts = np.bincount(predicted, minlength=len(classes))
    pooled = _smallest(confidence, right, target, least)
    found: dict[str, float] = {}
    rare, hopeless = [], []
    for i, name in enumerate(classes):
        rows = predicted == i
        if counts[i] < MIN_ANSWERED:
            own = pooled
            rare.append(name)
        elif (own := _smallest(confidence[rows], right[rows], target, least)) is None:
            hopeless.append(f"{name} ({right[rows].mean():.3f})")
        found[name] = ALWAYS_ABSTAIN if own is None else own
    return found, _notes(rare, hopeless, pooled, target)


def _smallest(confidence: NDArray[np.float32], right: NDArray[np.bool_], target: float, least: float) -> float | None:
    """The smallest confidence from which on answers reach the target; None if there is none."""
    order = np.argsort(-confidence, kind="stable")
    sure, answered = confidence[order], np.arange(1, len(order) + 1)
    precision = np.cumsum(right[order]) / answered
    last = np.append(sure[1:] != sure[:-1], True)[: len(order)]  # equal confidences are answered together or not at all
    reached = np.flatnonzero(last & (precision >= target) & (answered >= MIN_ANSWERED) & (sure >= least))
    if not len(reached):
        return None
    every = answered[reached[-1]] == np.count_nonzero(sure >= least)
    return least if every else float(sure[reached[-1]])


def _notes(rare: list[str], hopeless: list[str], pooled: float | None, target: float) -> list[str]:
    notes = []
    if rare:
        taken = "always abstain" if pooled is None else f"take the threshold of all classes together, {pooled:.3f}"
        notes.append(
            f"target_precision={target:g}: fewer than {MIN_ANSWERED} validation pictures were named "
            f"{_listed(rare)}; too few to tell, so they {taken}"
        )
    if hopeless:
        notes.append(
            f"target_precision={target:g}: not reached on validation at any confidence by {_listed(hopeless)}; "
            "in brackets the precision of all their answers; they always abstain"
        )
    return notes


def _listed(names: list[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
