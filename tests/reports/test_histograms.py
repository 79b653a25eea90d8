"""Histograms of the measures: every finite value counted once, few bars, round edges."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nightsort.reports.data import MAX_BARS
from nightsort.reports.histograms import histogram, histograms
from nightsort.schema import MEASURES

FINITE = st.floats(0, 2.0**40, width=32)


@given(
    st.sampled_from(MEASURES.names),
    arrays(np.float64, st.integers(1, 60), elements=FINITE | st.sampled_from([0.0, 32.0, 32.0, np.nan, np.inf])),
)
def test_every_finite_value_is_counted_once_in_few_bars(measure: str, values: np.ndarray) -> None:
    finite = values[np.isfinite(values)]
    drawn = histogram(measure, values)
    if not len(finite):
        assert drawn is None
        return
    assert drawn
    assert sum(drawn.counts) == len(finite)
    assert 1 <= len(drawn.counts) <= MAX_BARS and len(drawn.edges) == len(drawn.counts) + 1
    assert drawn.edges == sorted(drawn.edges)
    assert (drawn.edges[0], drawn.edges[-1]) == (finite.min(), finite.max())
    assert drawn.median == np.median(finite)


def test_inner_edges_are_round() -> None:
    drawn = histogram("brightness", np.random.default_rng(0).normal(120, 20, 5000))
    assert drawn and not drawn.logarithmic
    assert set(np.diff(drawn.edges[1:-1])) == {5.0}
    assert all(edge % 5 == 0 for edge in drawn.edges[1:-1])


def test_what_spans_decades_has_geometric_edges() -> None:
    drawn = histogram("sharpness", np.append(10 ** np.random.default_rng(0).uniform(0, 4, 5000), 0.0))
    assert drawn and drawn.logarithmic
    assert drawn.edges[0] == 0  # a blank picture is counted too
    assert {1.0, 10.0, 100.0, 150.0, 1000.0} <= set(drawn.edges)
    assert max(drawn.counts) < 3 * np.median(drawn.counts)


@pytest.mark.parametrize("measure", ["brightness", "contrast", "entropy"])
def test_bounded_levels_stay_linear(measure: str) -> None:
    drawn = histogram(measure, np.geomspace(0.01, 255, 500))
    assert drawn and not drawn.logarithmic


def test_an_outlier_does_not_squeeze_the_rest() -> None:
    values = np.append(np.random.default_rng(0).normal(100, 10, 10_000), 1e6)
    drawn = histogram("contrast", values)
    assert drawn and drawn.edges[-1] == 1e6 and drawn.edges[-2] < 200
    assert max(drawn.counts) < 5000


def test_lengths_have_no_bars_narrower_than_a_pixel() -> None:
    drawn = histogram("width", np.arange(30.0, 38.0).repeat(10))
    assert drawn and drawn.counts == [10, 10, 10, 10, 10, 10, 20]  # the last edge belongs to the last bar


def test_a_constant_is_one_bar() -> None:
    drawn = histogram("width", np.full(60_000, 32.0))
    assert drawn and (drawn.edges, drawn.counts) == ([32.0, 32.0], [60_000])


def test_nulls_are_left_out_and_a_measure_without_values_too() -> None:
    rows = [{"width": 32, "sharpness": 1.5}, {"width": None, "sharpness": float("nan")}]
    drawn = histograms(pa.Table.from_pylist(rows, MEASURES))
    assert [(item.measure, item.counts) for item in drawn] == [("width", [1]), ("sharpness", [1])]


def test_no_rows_no_histograms() -> None:
    assert histograms(MEASURES.empty_table()) == []
