"""The small line: in its box, a gap where nothing was counted."""

import pytest

from nightsort.reports import sparkline


@pytest.mark.parametrize("nights", [1, 2, 31])
def test_the_line_stays_in_its_box_and_rises_with_the_share(nights: int) -> None:
    drawn = sparkline.of([(i + 1) / 100 for i in range(nights)])
    points = [tuple(map(float, point.split(","))) for line in drawn.lines for point in line.split()]
    assert len(points) == (nights if nights > 1 else 0) and len(drawn.dots) == 1
    assert all(0 <= x <= sparkline.WIDTH and 0 <= y <= sparkline.HEIGHT for x, y in points + drawn.dots)
    assert points == sorted(points, key=lambda point: (point[0], -point[1]))


def test_a_night_without_a_figure_is_a_gap() -> None:
    drawn = sparkline.of([0.1, None, 0.2, 0.3, None])
    assert [len(line.split()) for line in drawn.lines] == [2] and len(drawn.dots) == 1
    assert sparkline.of([None]) == sparkline.of([]) == sparkline.Sparkline([], [])


def test_nothing_lies_at_the_bottom() -> None:
    assert sparkline.of([0.0, 0.0]).dots[0][1] > sparkline.of([0.0, 0.5]).dots[0][1]
