"""Owns the labelled pictures that people hand over: class folders, right ones and poisoned ones.

Invariant: a label is wrong only where that is asked for, and then it is known which.
Does not know what is learned from them.
"""

from pathlib import Path

import numpy as np

from rehearsal.pictures import Digits


def write_labelled(folder: Path, digits: Digits, unseen: int, rng: np.random.Generator) -> None:
    """Class folders with each original of the pool once, all right, and none of the unseen digit."""
    for digit in (digit for digit in range(10) if digit != unseen):
        place = folder / str(digit)
        place.mkdir(parents=True)
        for picture in digits.draw("labelled", digit, len(digits.originals("labelled", digit)), rng):
            (place / picture.name).write_bytes(picture.data)


def write_poisoned(folder: Path, digits: Digits, count: int, flipped: int, rng: np.random.Generator) -> set[str]:
    """Class folders with so many pictures, so many of them in another digit's folder; the names of those."""
    pictures = [picture for digit in range(10) for picture in digits.draw("late", digit, -(-count // 10), rng)][:count]
    wrong = {pictures[at].name for at in rng.choice(count, flipped, replace=False)}
    for picture in pictures:
        digit = int(picture.truth or 0)
        place = folder / str((digit + int(rng.integers(1, 10))) % 10 if picture.name in wrong else digit)
        place.mkdir(parents=True, exist_ok=True)
        (place / picture.name).write_bytes(picture.data)
    return wrong
