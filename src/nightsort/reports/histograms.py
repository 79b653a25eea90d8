"""Owns how the measures of many pictures become a few bars each.

Invariant: every finite value is counted once, at most MAX_BARS bars; the outer edges are the extremes and
the inner ones are round. Does not know how a histogram is drawn.
"""

import math

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nightsort.reports.data import MAX_BARS, Histogram
from nightsort.schema import MEASURES

_TAIL = 0.5  # per cent of the values on either side that may lie in the outermost bar
_SPAN = 50.0  # a ratio of the bulk's ends beyond which equal steps would crowd most pictures into a few bars
_SCALES = ("width", "height", "aspect", "sharpness")  # ratios matter in these; the others are bounded levels
_WHOLE = ("width", "height")  # a smaller step would leave every other bar empty
_FINE, _COARSE = (1, 1.5, 2, 3, 5, 7), (1, 2, 5)  # round numbers within a decade
_STEPS = 25  # that the bulk is cut into, about


def histograms(examples: pa.Table) -> list[Histogram]:
    """A histogram of each measure that any picture has.

    :param examples: columns of the schema MEASURES; nulls and what is not finite are left out
    """
    found = (histogram(name, examples[name].to_numpy().astype(np.float64)) for name in MEASURES.names)
    return [it for it in found if it]


def histogram(measure: str, values: NDArray[np.float64]) -> Histogram | None:
    """The histogram of one measure; None without a finite value.

    :param values: (N,), in any order
    """
    values = values[np.isfinite(values)]
    if not len(values):
        return None
    low, high = float(values.min()), float(values.max())
    inner, logarithmic = _inner(measure, values)
    edges = np.array([low, *np.unique(inner[(inner > low) & (inner < high)]), high])
    counts = np.histogram(values, edges)[0]
    return Histogram(
        measure=measure,
        edges=edges.tolist(),
        counts=counts.tolist(),
        median=float(np.median(values)),
        logarithmic=logarithmic,
    )


def _inner(measure: str, values: NDArray[np.float64]) -> tuple[NDArray[np.float64], bool]:
    """Round edges across the bulk of the values, and whether they are geometric."""
    positive = values[values > 0]
    if measure in _SCALES and len(positive):
        start, end = np.percentile(positive, [_TAIL, 100 - _TAIL])
        if end / start >= _SPAN:
            return _geometric(start, end), True
    start, end = np.percentile(values, [_TAIL, 100 - _TAIL])
    return _stepped(start, end, 1.0 if measure in _WHOLE else 0.0), False


def _geometric(start: float, end: float) -> NDArray[np.float64]:
    first, last = math.floor(math.log10(start)), math.ceil(math.log10(end))
    within = _FINE if last - first <= 4 else _COARSE
    decades = range(max(first, last - MAX_BARS // len(within) + 1), last + 1)
    edges = np.array([float(f"{digit}e{decade}") for decade in decades for digit in within])
    return edges[_around(edges, start, end)]


def _stepped(start: float, end: float, least: float) -> NDArray[np.float64]:
    if start == end:
        return np.array([start, start + least])
    rough = (end - start) / _STEPS
    decade = 10.0 ** math.floor(math.log10(rough))
    step = max(least, next(digit * decade for digit in (1, 2, 5, 10) if digit * decade >= rough))
    edges = np.arange(math.floor(start / step), math.ceil(end / step) + 1) * step
    return np.round(edges, 12)


def _around(edges: NDArray[np.float64], start: float, end: float) -> slice:
    """The edges between `start` and `end`, and one more on either side."""
    return slice(max(0, int(np.searchsorted(edges, start)) - 1), int(np.searchsorted(edges, end)) + 1)
