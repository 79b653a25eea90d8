"""Owns what a challenger may not lose, however much better it is: a class, honest confidence, speed, size.

Invariant: a floor without a figure to hold it against says so and passes. Does not know where figures come from.
"""

import numpy as np
from numpy.typing import NDArray

from nightsort.evaluation.bootstrap import Ints
from nightsort.evaluation.calibration import calibration_error
from nightsort.evaluation.scores import Check

_SLACK = 1e-9  # of shares that ought to be equal
_NAMED = 5  # classes


def recalls(labels: Ints, old: Ints, new: Ints, classes: list[str], most: float) -> Check:
    """No class loses more than so much recall, 0 to 1.

    :param labels: class ids, int64 (N,), N at least 1
    :param old: what the champion says, int64 (N,)
    :param new: what the challenger says, int64 (N,)
    """
    losses = sorted(_losses(labels, old, new, classes), reverse=True)
    lost = [words for loss, words in losses if loss > most + _SLACK]
    if lost:
        shown = ", ".join(lost[:_NAMED]) + (f" and {len(lost) - _NAMED} more" if len(lost) > _NAMED else "")
        return Check(
            name="every class", passed=False, line=f"loses recall in {shown}, more than max_class_loss={most:g}"
        )
    worst, words = losses[0]
    line = f"loses most recall in {words}" if worst > 0 else "no class loses recall"
    return Check(name="every class", passed=True, line=line)


def _losses(labels: Ints, old: Ints, new: Ints, classes: list[str]) -> list[tuple[float, str]]:
    """How much recall each class of the test pictures loses, with the figures."""
    found = []
    for c in np.unique(labels):
        rows = labels == c
        was, now = (old[rows] == c).mean(), (new[rows] == c).mean()
        found.append((float(was - now), f"{classes[c]} ({was:.3f} -> {now:.3f} on {rows.sum()})"))
    return found


def calibration(labels: Ints, old: NDArray[np.float32], new: NDArray[np.float32], most: float) -> Check:
    """Its expected calibration error is larger by no more than so much.

    :param old: probabilities of the champion, float32 (N, C)
    :param new: probabilities of the challenger, float32 (N, C)
    """
    was, now = calibration_error(old, labels), calibration_error(new, labels)
    line = f"calibration error {was:.3f} -> {now:.3f}"
    if now - was > most + _SLACK:
        return Check(name="calibration", passed=False, line=f"{line}, worse by more than max_calibration_loss={most:g}")
    return Check(name="calibration", passed=True, line=line)


def other_answers(old: Ints, new: Ints) -> Check:
    """It is no double of the champion.

    :param old: what the champion says, int64 (N,)
    :param new: what the challenger says, int64 (N,)
    """
    if np.array_equal(old, new):
        return Check(name="other answers", passed=False, line="says of every test picture what the champion says")
    return Check(name="other answers", passed=True, line=f"differs on {(old != new).sum()} of {len(old)} test pictures")


def other_weights(version: int, champion: int, same: bool) -> Check:
    """It is not the champion itself."""
    if same:
        return Check(name="other weights", passed=False, line=f"model {version} has the weights of champion {champion}")
    return Check(name="other weights", passed=True, line="its weights are its own")


def newer(version: int, champion: int) -> Check:
    """It was published after the champion; the way back is a rollback."""
    if version > champion:
        return Check(name="newer", passed=True, line=f"version {version} is newer than champion {champion}")
    line = f"version {version} is not newer than champion {champion}; only a rollback or force goes back"
    return Check(name="newer", passed=False, line=line)


def as_recorded(new: float, reached: float | None) -> Check:
    """It is no worse than a champion that can no longer be asked was when it was published.

    :param new: macro-F1 of the challenger
    :param reached: the champion's; None where its card is lost, too
    """
    restore = "restore the champion, or go past the gate with force"
    if reached is None:
        line = f"nothing is known any more of what the champion had reached; {restore}"
        return Check(name="as good as it was", passed=False, line=line)
    line = f"macro-F1 {new:.3f}, the champion had {reached:.3f} when it was published"
    if new < reached:
        return Check(name="as good as it was", passed=False, line=f"not as good as it was: {line}; {restore}")
    return Check(name="as good as it was", passed=True, line=line)


def speed(old: float | None, new: float | None, most: float) -> Check:
    """It takes no more than so many times the champion's time.

    :param old: milliseconds a picture on this machine, of the champion; None where it was not measured here
    :param new: the same of the challenger
    """
    if old is None or new is None:
        whose = "either model" if old is None and new is None else "the champion" if old is None else "the new model"
        return Check(name="speed", passed=True, line=f"not compared: no speed of {whose} on this machine")
    line = f"{old:.3g} -> {new:.3g} ms a picture"
    if new > most * old:
        return Check(name="speed", passed=False, line=f"{line}, more than max_slowdown={most:g} times as long")
    return Check(name="speed", passed=True, line=line)


def size(weights: int, most: float) -> Check:
    """Its weights take no more than so many megabytes.

    :param weights: bytes
    """
    megabytes = weights / 1e6
    if megabytes > most:
        line = f"its weights take {megabytes:.3g} MB, more than max_megabytes={most:g}"
        return Check(name="size", passed=False, line=line)
    return Check(name="size", passed=True, line=f"its weights take {megabytes:.3g} MB")
