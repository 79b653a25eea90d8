"""Owns the plan of synthetic pictures: which row is mixed with which neighbour, by what share.

Invariant: both parents are rows of the training split and of one class. Does not know pixels at full size.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors

from nightsort.balance.plan import Plan
from nightsort.balance.synthesis import NEIGHBOURS


@dataclass(frozen=True)
class Blends:
    """M synthetic pictures, class by class, as :attr:`nightsort.balance.plan.Plan.extended` lists them.

    :param base: rows of the training split, int64 (M,)
    :param neighbour: rows of the same class, int64 (M,)
    :param share: of the neighbour, float32 (M,) in 0..1; 0 where a class has no second row
    """

    base: NDArray[np.int64]
    neighbour: NDArray[np.int64]
    share: NDArray[np.float32]


def plan_blends(reduced: NDArray[np.float32], plan: Plan, parents: int, seed: int) -> Blends:
    """SMOTE on pixels (Chawla et al. 2002) as a plan: a base, one of its nearest of the class, a uniform share.

    :param reduced: what is compared to find neighbours, float32 (N, D)
    :param parents: rows of a class that may become parents, at most
    """
    rng = np.random.default_rng(seed)
    base, neighbour = [], []
    for c, before in enumerate(plan.before):
        rows = np.sort(rng.permutation(np.flatnonzero(plan.labels == c))[:parents])
        near = _neighbours(reduced[rows])
        place = rng.permutation(np.arange(plan.targets[c] - before) % len(rows))
        base.append(rows[place])
        neighbour.append(rows[near[place, rng.integers(near.shape[1], size=len(place))]])
    bases, neighbours = np.concatenate(base), np.concatenate(neighbour)
    share = np.where(bases == neighbours, 0, rng.random(len(bases)))
    return Blends(bases, neighbours, share.astype(np.float32))


def _neighbours(rows: NDArray[np.float32]) -> NDArray[np.int64]:
    """The places of the nearest others of each row, int64 (n, k); a lone row is its own neighbour."""
    if len(rows) == 1:
        return np.zeros((1, 1), np.int64)
    nearest = NearestNeighbors(n_neighbors=min(NEIGHBOURS, len(rows) - 1)).fit(rows)
    return np.asarray(nearest.kneighbors(return_distance=False), np.int64)
