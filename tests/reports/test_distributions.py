"""How a histogram stands on a page."""

import pytest

from nightsort.reports.data import MAX_BARS, Histogram
from nightsort.reports.distributions import distribution, ranks
from nightsort.reports.shown import ClassCount


def test_bars_are_relative_and_none_that_counts_is_invisible() -> None:
    drawn = distribution(
        Histogram(measure="contrast", edges=[1.234, 10, 20, 31, 99.5], counts=[0, 1, 9999, 5000], median=23.46)
    )
    heights = [bar.height for bar in drawn.bars]
    assert heights[0] == 0 and heights[1] > 1 and heights[2] == 100 and heights[3] == pytest.approx(50, 0.01)
    assert drawn.bars[1].words == "10 to 20: 1 picture" and drawn.bars[2].words == "20 to 31: 9,999 pictures"
    assert drawn.summary == "1.23 to 99.5, half below 23.5"
    assert drawn.title == "Contrast"


def test_marks_are_inner_edges_at_their_places() -> None:
    edges = [3.7, *range(10, 200, 10), 1234.5]
    drawn = distribution(Histogram(measure="brightness", edges=edges, counts=[1] * 20, median=90))
    assert 3 <= len(drawn.marks) <= 6
    for mark in drawn.marks:
        place = mark.left / 100 * 20
        assert place == pytest.approx(round(place)) and edges[round(place)] == float(mark.words)
    assert {mark.words for mark in drawn.marks}.isdisjoint({"3.7", "1,230"})


def test_a_constant_is_said_and_not_drawn() -> None:
    drawn = distribution(Histogram(measure="width", edges=[32, 32], counts=[60_000], median=32))
    assert drawn.bars == [] and drawn.summary == "32 in 60,000 pictures, all of them"


def test_a_measure_of_another_version_is_shown_by_its_name() -> None:
    assert distribution(Histogram(measure="glare", edges=[0, 1], counts=[2], median=0.5)).title == "glare"


@pytest.mark.parametrize("number", [1, MAX_BARS, MAX_BARS + 1, 1000])
def test_class_sizes_are_in_few_bars_that_hold_every_class(number: int) -> None:
    drawn = ranks([ClassCount(label=str(i), total=10 + i) for i in range(number)])
    assert len(drawn.bars) == min(number, MAX_BARS)
    heights = [bar.height for bar in drawn.bars]
    assert heights == sorted(heights, reverse=True) and heights[0] == 100
    assert drawn.bars[-1].words.startswith("class ") and f"to {number} by size" in drawn.bars[-1].words
    assert drawn.summary.startswith(f"{10 + number - 1:,} pictures in the largest, 10 in the smallest")
