"""Owns the statistics of labels that arrived: how many a model denies while it is sure, and what came too often.

Invariant: denials count only beyond what the same model does on pictures that were held out from it.
Does not know where labels or probabilities come from.

A label is denied where the model gives it almost no probability, and another class almost all. Of labels drawn wrong
at random a model denies as many as it is sure of pictures, so the excess of denials, divided by that share, estimates
the share of wrong labels: also by a model that is seldom sure, and of pictures that were chosen because it was not.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from nightsort.arrow import frequencies
from nightsort.dataset import twins

DENIED = 0.05
"""A label of less than this probability is denied, where another class is sure."""

SURE = 0.9
"""A calibrated probability from which on a model is sure."""

SIGNIFICANT = 0.001
"""Largest p of an excess that is not taken for chance, divided among the lots that are looked at (Bonferroni)."""

MANY = 100
"""Pictures of a class, from which on one of them repeated is looked for."""

MOST = 0.5
"""A larger share of a class than this is too much for near-duplicates of one picture."""

_COMPARED = 2000  # pictures of a class that are compared with each other


@dataclass(frozen=True)
class Usual:
    """What the model does on pictures that were held out from it."""

    pictures: int
    sure: int
    denied: int

    @property
    def likely(self) -> float:
        """Probability of a denial, from one more than there were, so that few pictures promise little."""
        return (self.denied + 1) / (self.pictures + 2)  # Laplace's rule of succession


@dataclass(frozen=True)
class Lot:
    """Labels that arrived together."""

    name: str  # empty for all labels
    pictures: int
    denied: int
    wrong: float  # estimated share of wrong labels
    p: float  # of as many denials, were all labels as good as those held out


@dataclass(frozen=True)
class Repeated:
    """The picture of a class that most others of the class are near-duplicates of."""

    sha256: str
    label: str
    pictures: int  # near-duplicates, with it
    of: int  # pictures of the class

    @property
    def too_often(self) -> bool:
        """Whether it is what the class would be learned from."""
        return self.pictures > MOST * self.of


def denials(probabilities: NDArray[np.float32], labels: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which labels a model denies, bool (N,).

    :param probabilities: calibrated, (N, C)
    :param labels: class ids, (N,)
    """
    given = probabilities[np.arange(len(labels)), labels]
    return np.asarray((given < DENIED) & (probabilities.max(1) >= SURE))


def usual(probabilities: NDArray[np.float32], labels: NDArray[np.int64]) -> Usual:
    """What a model does on pictures that were held out from it.

    :param probabilities: as of :func:`denials`, float32 (N, C), and so are `labels`, int64 (N,)
    """
    sure = int((probabilities.max(1) >= SURE).sum())
    return Usual(len(labels), sure, int(denials(probabilities, labels).sum()))


def lots(denied: NDArray[np.bool_], names: list[str], expected: Usual) -> list[Lot]:
    """All labels as one lot, then each lot, where there are several.

    :param denied: (N,)
    :param names: of the lot of each label, N
    """
    several = sorted(set(names)) if len(set(names)) > 1 else []
    named = np.array(names, object)
    return [_lot("", denied, expected), *(_lot(name, denied[named == name], expected) for name in several)]


def oddest(found: list[Lot], most: float) -> Lot | None:
    """All labels, or else the oddest lot, where more than `most` of the labels are wrong by more than chance."""
    odd = [lot for lot in found if lot.wrong > most and lot.p < SIGNIFICANT / len(found)]
    return min(odd, key=lambda lot: (lot.name != "", lot.p), default=None)


def _lot(name: str, denied: NDArray[np.bool_], expected: Usual) -> Lot:
    from scipy.stats import binomtest  # takes a second

    pictures, count = len(denied), int(denied.sum())
    if not pictures:
        return Lot(name, 0, 0, 0.0, 1.0)
    sure = expected.sure / expected.pictures if expected.sure else 1.0
    wrong = (count / pictures - expected.likely) / sure
    p = float(binomtest(count, pictures, expected.likely, alternative="greater").pvalue)
    return Lot(name, pictures, count, min(1.0, max(0.0, wrong)), p)


def most_repeated(pictures: pa.Table, radius: int) -> Repeated | None:
    """The class that is most of all one picture; None where no class has MANY.

    Near one picture, not near in a chain: of a walk along a street each frame is near the next.

    :param pictures: sha256, label and the columns `twins.HASHES`, in random order: of a large class the first ones
        are compared, and the count is extrapolated
    :param radius: largest distance of the perceptual hashes, in bits
    """
    large = sorted(label for label, count in frequencies(pictures["label"]).items() if count >= MANY)
    found = [_most_repeated(pictures.filter(pc.equal(pictures["label"], label)), max(0, radius)) for label in large]
    return max((item for item in found if item), key=lambda item: item.pictures / item.of, default=None)


def _most_repeated(rows: pa.Table, radius: int) -> Repeated | None:
    some = rows.slice(0, _COMPARED)
    near = twins.search(some, some.slice(0, 0), radius)
    if not near.count:  # all are without texture, and say nothing
        return None
    alike = np.bincount(near.arriving[near.arriving >= 0], minlength=near.count)
    together, one, other = alike.copy(), near.inner["one"].to_numpy(), near.inner["other"].to_numpy()
    np.add.at(together, one, alike[other])
    np.add.at(together, other, alike[one])
    look = int(together.argmax())
    first = rows["sha256"][int(np.flatnonzero(near.arriving == look)[0])].as_py()
    return Repeated(first, rows["label"][0].as_py(), round(int(together[look]) * len(rows) / len(some)), len(rows))
