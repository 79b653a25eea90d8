"""Owns the two-sample tests: how likely two sets of pictures are to differ as much by chance, and how much they do.

Invariant: a p-value is valid for any number of pictures from one; what chance decides comes from the generator. Does
not know what the numbers measure.
"""

import math

import numpy as np
from numpy.typing import NDArray

_BINS = 10  # of the population stability index
_HALF = 0.5  # picture added to every bin, so that an empty one is not infinitely far
_COMPONENTS = 32  # of embeddings, at most
_ROWS = 5  # for each component, at least
_FLAT = 1e-6  # share of the largest variance below which a component is rounding

Floats = NDArray[np.float32] | NDArray[np.float64]
Counts = NDArray[np.int64]


def kolmogorov_smirnov(reference: Floats, run: Floats) -> float:
    """p-value of the two-sample test of Kolmogorov and Smirnov; conservative where values are tied.

    :param reference: one figure a picture, (M,); `run`: the same of another set, (N,)
    """
    from scipy.stats import ks_2samp  # takes half a second, and few commands need it

    return float(ks_2samp(reference, run).pvalue)


def stability_index(reference: Floats, run: Floats) -> float:
    """Population stability index over the deciles of the reference (Siddiqi 2006): 0.1 is little, 0.25 is much.

    A value that many pictures of the reference share has a bin of its own. What few pictures show by chance alone is
    subtracted, (bins - 1) (1/m + 1/n) on average (Yurdakul and Naranjo 2020), so that it means the same at any size.

    :param reference: one figure a picture, (M,); `run`: the same of another set, (N,)
    """
    deciles = np.quantile(reference, np.arange(1, _BINS) / _BINS, method="inverted_cdf")
    edges, times = np.unique(deciles, return_counts=True)
    edges = np.union1d(edges, np.nextafter(edges[times > 1], -np.inf))
    shares = [_shares(np.bincount(np.searchsorted(edges, v), minlength=len(edges) + 1)) for v in (reference, run)]
    by_chance = len(edges) * (1 / len(reference) + 1 / len(run))
    return max(0.0, float(((shares[1] - shares[0]) * np.log(shares[1] / shares[0])).sum()) - by_chance)


def _shares(counts: Counts) -> NDArray[np.float64]:
    return np.asarray((counts + _HALF) / (counts + _HALF).sum())


def total_variation(reference: Counts, run: Counts) -> float:
    """Share of the run's pictures that would have to be of another class, 0 to 1.

    :param reference: pictures of each class, int64 (C,); so is `run`
    """
    return float(np.abs(reference / reference.sum() - run / run.sum()).sum() / 2)


def homogeneity(reference: Counts, run: Counts, permutations: int, rng: np.random.Generator) -> float:
    """p-value of the chi-square test of homogeneity, by permutations, so that rare classes do no harm.

    :param reference: pictures by class, (C,), at least one in all
    :param run: the same of the run
    """
    from scipy.stats import MonteCarloMethod, chi2_contingency

    seen = np.stack([reference, run])[:, reference + run > 0]
    chance = MonteCarloMethod(n_resamples=permutations, rng=rng)
    return float(chi2_contingency(seen, correction=False, method=chance).pvalue)


def mean_discrepancy(
    reference: NDArray[np.float32], run: NDArray[np.float32], permutations: int, rng: np.random.Generator
) -> tuple[float, float]:
    """Test of the maximum mean discrepancy (Gretton et al. 2012), by permutations.

    The kernel is Gaussian, its width the median distance. It compares what `whitened` makes of both sets together: the
    few directions in which all pictures vary most would hide what is new in the others.

    :param reference: float32 (m, D), at least two rows
    :param run: float32 (n, D), at least two rows
    :returns: the p-value, and how much: 1 less the cosine between the two mean embeddings of the kernel, estimated
        without bias: about 0 for one distribution, 1 for two that share nothing
    """
    kernel = _kernel(whitened(np.concatenate([reference, run])))
    of_run = np.zeros((len(kernel), 1 + permutations), np.float32)
    of_run[len(reference) :, 0] = 1
    of_run[:, 1:] = rng.permuted(np.repeat(of_run[:, :1], permutations, 1), axis=0)
    within, across, beyond = _means(kernel, of_run)
    squared = within + beyond - 2 * across
    norm = math.sqrt(max(float(within[0] * beyond[0]), 1e-12))
    return _p_value(squared[0], squared[1:]), float(np.clip(1 - across[0] / norm, 0, 1))


def whitened(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """The first principal components, each of variance 1, float32 (N, K).

    The order of the rows does not matter, so permuting them afterwards is as good as before.

    :param points: float32 (N, D)
    """
    centred = points.astype(np.float64) - points.mean(0)
    variances, directions = np.linalg.eigh(centred.T @ centred / len(points))
    kept = variances > _FLAT * variances[-1]
    kept[: -max(1, min(_COMPONENTS, len(points) // _ROWS))] = False  # they come in ascending order
    return np.asarray(centred @ (directions[:, kept] / np.sqrt(variances[kept])), np.float32)


def _kernel(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """Gaussian kernel of all pairs, float32 (N, N)."""
    squares = (points**2).sum(1)
    distances = np.maximum(squares[:, None] + squares[None] - 2 * points @ points.T, 0)
    apart = distances[np.triu_indices(len(points), 1)]
    width = float(np.median(apart)) or float(apart.mean()) or 1.0
    return np.asarray(np.exp(-distances / width), np.float32)


def _means(
    kernel: NDArray[np.float32], of_run: NDArray[np.float32]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Mean of the kernel within the run, across and within the rest, each (P,), for each column of `of_run`."""
    n = int(of_run[:, 0].sum())
    m = len(kernel) - n
    own = (of_run * (kernel @ of_run)).sum(0, dtype=np.float64)
    touched = of_run.T.astype(np.float64) @ kernel.sum(1, dtype=np.float64)
    across = touched - own
    rest = float(kernel.sum(dtype=np.float64)) - own - 2 * across
    # The kernel of a picture with itself is 1, which would count as likeness.
    return (own - n) / (n * (n - 1)), across / (n * m), (rest - m) / (m * (m - 1))


def _p_value(found: float, by_chance: Floats) -> float:
    """Share of the permutations, the run itself among them, that are as extreme; rounding is no difference."""
    tolerance = 1e-6 * max(abs(float(found)), 1e-6)
    return float((1 + (by_chance >= found - tolerance).sum()) / (1 + len(by_chance)))


def holm(p_values: list[float]) -> list[float]:
    """p-values adjusted so that all tests together err as seldom as one (Holm 1979), in the same order."""
    values = np.array(p_values, np.float64)
    order = np.argsort(values, kind="stable")
    adjusted = np.empty(len(values))
    adjusted[order] = np.minimum(1, np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1)))
    return [float(value) for value in adjusted]
