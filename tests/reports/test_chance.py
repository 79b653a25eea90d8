"""Whether two counts differ: by chance hardly ever, by little never."""

import numpy as np
import pytest

from nightsort.reports.chance import ALPHA, counts_differ, figures_differ, shares_differ


@pytest.mark.parametrize("share", [0.02, 0.3])
def test_drops_of_the_same_kind_hardly_ever_differ(share: float) -> None:
    rng = np.random.default_rng(0)
    drawn = rng.binomial(200, share, (300, 2)).tolist()
    assert sum(shares_differ(now, 200, before, 200) for now, before in drawn) <= 2 * ALPHA * len(drawn)


@pytest.mark.parametrize(
    ("now", "before", "differ"),
    [
        ((3, 20), (1, 20), False),  # too few to tell
        ((150, 1000), (50, 1000), True),
        ((31_000, 100_000), (30_000, 100_000), False),  # beyond chance, and nothing to talk of
        ((0, 1000), (60, 1000), True),
        ((0, 10), (60, 1000), False),
        ((0, 0), (60, 1000), False),
    ],
)
def test_a_share_that_is_worth_a_line(now: tuple[int, int], before: tuple[int, int], differ: bool) -> None:
    assert shares_differ(*now, *before) is differ
    assert shares_differ(*before, *now) is differ


def test_many_questions_share_the_level() -> None:
    assert shares_differ(14, 100, 2, 100) and not shares_differ(14, 100, 2, 100, tests=100)


@pytest.mark.parametrize(("now", "before", "differ"), [(0, 300, True), (300, 312, False), (3, 1, False), (0, 0, False)])
def test_a_number_that_is_worth_a_line(now: int, before: int, differ: bool) -> None:
    assert counts_differ(now, before) is differ


def test_a_figure_is_another_from_half_as_much_again() -> None:
    assert figures_differ(150, 100) and figures_differ(100, 150) and not figures_differ(149, 100)
