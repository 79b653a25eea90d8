"""Owns how a histogram stands on a page: bars of equal width, a few marks below them, one sentence.

Invariant: a bar that counts anything can be seen, and the sentence says what the bars show.
Does not know SVG, nor how the pictures were counted.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from nightsort.reports.data import MAX_BARS, Histogram
from nightsort.reports.formats import count, figure, plural
from nightsort.reports.shown import ClassCount

_MEANINGS = {
    "width": ("Width", "pixels, as it came"),
    "height": ("Height", "pixels, as it came"),
    "aspect": ("Aspect", "width by height"),
    "sharpness": ("Sharpness", "variance of the Laplacian"),
    "brightness": ("Brightness", "mean grey level, 0 to 255"),
    "contrast": ("Contrast", "deviation of the grey levels"),
    "entropy": ("Entropy", "of the grey levels, in bits"),
}
_MARKS = 4  # numbers below the bars, about
_LEAST = 1.5  # per cent; a bar that counts anything is at least this high


@dataclass(frozen=True)
class Bar:
    """One bar; its height is in per cent of the highest."""

    height: float
    words: str


@dataclass(frozen=True)
class Mark:
    """A number below the bars, at a position in per cent from the left."""

    left: float
    words: str


@dataclass(frozen=True)
class Distribution:
    """A drawn histogram, without bars where all values are the same."""

    title: str
    unit: str
    bars: list[Bar]
    marks: list[Mark]
    summary: str


def distribution(histogram: Histogram) -> Distribution:
    """How the histogram of a measure stands on the page."""
    title, unit = _MEANINGS.get(histogram.measure, (histogram.measure, ""))
    low, high, total = histogram.edges[0], histogram.edges[-1], sum(histogram.counts)
    if low == high:
        return Distribution(title, unit, [], [], f"{figure(low)} in {plural(total, 'picture')}, all of them")
    edges = [figure(edge) for edge in histogram.edges]
    words = [
        f"{start} to {end}: {plural(n, 'picture')}"
        for start, end, n in zip(edges, edges[1:], histogram.counts, strict=False)
    ]
    summary = f"{edges[0]} to {edges[-1]}, half below {figure(histogram.median)}"
    summary += "; logarithmic" if histogram.logarithmic else ""
    return Distribution(title, unit, _bars(histogram.counts, words), _marks(histogram.edges), summary)


def ranks(classes: Sequence[ClassCount]) -> Distribution:
    """Sizes of the classes, the largest first; of more than MAX_BARS classes several share a bar, which has their mean.

    :param classes: in any order; at least one
    """
    sizes = sorted((row.total for row in classes), reverse=True)
    number = min(MAX_BARS, len(sizes))
    starts = [i * len(sizes) // number for i in range(number + 1)]
    groups = [sizes[start:end] for start, end in itertools.pairwise(starts)]
    means = [sum(group) / len(group) for group in groups]
    words = [
        f"class {start + 1} to {start + len(group)} by size: {count(group[-1])} to {plural(group[0], 'picture')}"
        for start, group in zip(starts, groups, strict=False)
    ]
    marks = [Mark(100 * i / number, count(starts[i] + 1)) for i in range(0, number, number // _MARKS or 1)]
    summary = f"{plural(sizes[0], 'picture')} in the largest, {count(sizes[-1])} in the smallest, half below "
    summary += count(sizes[len(sizes) // 2])
    return Distribution("Class sizes", "classes, the largest first", _bars(means, words), marks, summary)


def _bars(counts: Sequence[float], words: Sequence[str]) -> list[Bar]:
    highest = max(counts, default=0) or 1
    return [Bar(max(_LEAST, 100 * n / highest) if n else 0.0, text) for n, text in zip(counts, words, strict=True)]


def _marks(edges: Sequence[float]) -> list[Mark]:
    """Some of the inner edges, which are round; the outer ones are the extremes, which the sentence names."""
    inner = range(1, len(edges) - 1)
    step = max(1, round(len(inner) / _MARKS))
    return [Mark(100 * i / (len(edges) - 1), figure(edges[i])) for i in inner[step // 2 :: step]]
