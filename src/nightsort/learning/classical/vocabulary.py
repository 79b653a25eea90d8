"""Owns learning the words of a bag of visual words.

Invariant: the memory it needs does not grow with the training split. Does not know how words are counted.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.cluster import MiniBatchKMeans
from threadpoolctl import threadpool_limits
from torch import Tensor

from nightsort.learning import predict
from nightsort.learning.classical.sift import DESCRIPTOR, descriptors
from nightsort.learning.feeds.pictures import Pictures

WORDS = 256
PICTURES = 1000
PER_PICTURE = 50
BATCH = 32


def learn_words(pictures: Pictures, seed: int) -> Tensor:
    """Cluster centres of descriptors (mini-batch k-means, Sculley 2010), float32 (K, 128); K is 256 or fewer.

    :param pictures: some of the training split; a random 50 descriptors of each are looked at
    """
    rng = np.random.default_rng(seed)
    parts = np.array_split(np.arange(len(pictures)), -(-len(pictures) // BATCH))
    seen = np.concatenate([_some(pictures.take(rows), rng) for rows in parts])
    means = MiniBatchKMeans(min(WORDS, len(seen)), batch_size=4096, n_init=1, random_state=seed)
    with threadpool_limits(1):  # several times slower on two cores that others use too
        means.fit(seen)
    return torch.from_numpy(means.cluster_centers_.astype(np.float32))


def _some(pictures: Pictures, rng: np.random.Generator) -> NDArray[np.float32]:
    """Some descriptors of each picture, chosen at random, (n, 128)."""
    with torch.inference_mode():
        grids = descriptors(predict.batch(pictures.images).float())
    every = torch.cat([grid.flatten(2) for grid in grids], 2).transpose(1, 2).numpy()
    chosen = rng.random(every.shape[:2]).argsort(1)[:, :PER_PICTURE, None]
    return np.take_along_axis(every, chosen, 1).reshape(-1, DESCRIPTOR)
