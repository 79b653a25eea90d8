"""Owns the leak audit: pictures of the test split that have a near-twin in the training split.

A model that has seen the twin is not tested by the picture, so the figures it gets are too good.

Invariant: memory grows with the pictures and never with the pairs. Does not know where embeddings come from.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors

from nightsort.dataset import twins

_DIRECTIONS = 64
_PER_DIRECTION = 4  # pictures; of fewer, whitening would set all equally far apart
_FAINTEST = 0.01  # of the strongest direction's deviation; what varies less is rounding

Splits = NDArray[np.str_]
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Leak:
    """Pictures of the test split with a near-twin in train.

    :param test: pictures of the test split
    :param rows: those that leak, ascending, (K,)
    :param twins: a picture of the training split that is nearest to each, (K,)
    :param closeness: how near, (K,): bits in which the hashes differ, or the cosine
    """

    test: int
    rows: Rows
    twins: Rows
    closeness: NDArray[np.float64]

    def by_class(self, labels: NDArray[np.str_]) -> dict[str, int]:
        """Leaking pictures of each class that has some.

        :param labels: of all test pictures, (N,)
        """
        names, counts = np.unique(labels[self.rows], return_counts=True)
        return dict(zip(names.tolist(), counts.tolist(), strict=True))


def random_splits(splits: Splits, seed: int) -> Splits:
    """What a random split with the same shares would be: the splits of N pictures, shuffled."""
    return np.random.default_rng(seed).permutation(splits)


def by_hash(examples: pa.Table, splits: Splits, radius: int) -> Leak:
    """The leak by perceptual hash, as an ingest looks for near-duplicates.

    :param examples: the columns `twins.HASHES`, N rows
    :param splits: (N,)
    :param radius: the dataset's near_duplicates
    """
    near = twins.search(examples, examples.slice(0, 0), radius)
    train = np.flatnonzero((splits == "train") & (near.arriving >= 0))[::-1]
    offered = np.full(near.count, -1)
    offered[near.arriving[train]] = train  # the first picture of each look, since the last to be written stays
    one, other, distance = (near.inner[name].to_numpy().astype(np.int64) for name in near.inner.column_names)
    every = np.arange(near.count)
    looks = np.concatenate([every, one, other])
    theirs = offered[np.concatenate([every, other, one])]
    bits = np.concatenate([np.zeros(near.count, np.int64), distance, distance])
    order = np.lexsort((theirs, bits))[::-1]
    order = order[theirs[order] >= 0]
    best = np.full((near.count + 1, 2), -1)  # the last for pictures without a look
    best[looks[order]] = np.column_stack([theirs, bits])[order]  # the nearest is written last
    test = np.flatnonzero(splits == "test")
    twin, closeness = best[near.arriving[test]].T
    leaking = twin >= 0
    return Leak(len(test), test[leaking], twin[leaking], closeness[leaking].astype(float))


def whiten(embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
    """Embeddings in which what all pictures share no longer makes them alike.

    Principal components, at most 64, each scaled to the same variance (Jégou and Chum, ECCV 2012).

    :param embeddings: (N, D)
    :returns: (N, K), rows of unit length
    """
    count = min(_DIRECTIONS, embeddings.shape[1], max(1, len(embeddings) // _PER_DIRECTION))
    components = PCA(count, svd_solver="covariance_eigh")
    with np.errstate(invalid="ignore"):  # a share of no variance at all, which is not looked at
        scores = components.fit_transform(embeddings)
    deviation = np.sqrt(components.explained_variance_)
    telling = deviation > _FAINTEST * deviation[0]
    scores = scores[:, telling] / deviation[telling]
    lengths = np.linalg.norm(scores, axis=1, keepdims=True)
    return np.asarray(scores / np.where(lengths > 0, lengths, 1), np.float32)


def by_embedding(vectors: NDArray[np.float32], splits: Splits, similarity: float) -> Leak:
    """The leak by cosine.

    :param vectors: (N, K), rows of unit length, such as :func:`whiten` gives
    :param splits: (N,)
    :param similarity: smallest cosine of near-twins
    """
    test, train = np.flatnonzero(splits == "test"), np.flatnonzero(splits == "train")
    if not len(test) or not len(train):
        return Leak(len(test), test[:0], train[:0], np.empty(0))
    nearest = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(vectors[train])  # block by block
    twin = train[nearest.kneighbors(vectors[test], return_distance=False)[:, 0]]
    cosine = (vectors[test] * vectors[twin]).sum(axis=1)
    leaking = cosine >= similarity
    return Leak(len(test), test[leaking], twin[leaking], cosine[leaking].astype(float))
