"""Drawing of rows, and whole numbers in proportion to shares."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nightsort.balance.rows import apportion, draw


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(1, 8), st.integers(0, 30)), min_size=1, max_size=5), st.integers(0, 99))
def test_each_class_gets_its_count_each_of_its_rows_alike(wanted: list[tuple[int, int]], seed: int) -> None:
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(wanted)), [held for held, _ in wanted]))
    counts = np.array([count for _, count in wanted])
    rows = draw(labels, counts, np.random.default_rng(seed))
    times = np.bincount(rows, minlength=len(labels))
    for c, count in enumerate(counts):
        assert times[labels == c].sum() == count and np.ptp(times[labels == c]) <= 1
    assert (np.diff(rows) >= 0).all()


def test_which_rows_are_drawn_is_chance() -> None:
    labels = np.repeat([0, 1], 50)
    times = sum(
        np.bincount(draw(labels, np.array([5, 25]), np.random.default_rng(seed)), minlength=100) for seed in range(400)
    )
    assert times[:50] / 400 == pytest.approx([0.1] * 50, abs=0.07)
    assert times[50:] / 400 == pytest.approx([0.5] * 50, abs=0.12)


@settings(max_examples=50)
@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=6), st.integers(0, 500))
def test_parts_add_up_and_are_off_by_less_than_one(shares: list[float], total: int) -> None:
    parts = apportion(np.array(shares), total)
    assert parts.sum() == total
    assert (np.abs(parts - np.array(shares) / sum(shares) * total) < 1 + 1e-6).all()


def test_alike_shares_get_alike_parts_whatever_their_rounding() -> None:
    assert apportion(np.array([1.0, 1.0 + 1e-9, 1.0]), 11).tolist() == [3, 4, 4]


def test_a_class_is_shuffled_and_gone_through_round_after_round() -> None:
    labels, counts = np.array([0, 1, 0, 0, 1, 0, 0, 1, 0]), np.array([4, 7, 0])
    keys = np.random.default_rng(5).random(9)
    order = [sorted(np.flatnonzero(labels == c).tolist(), key=lambda row: keys[row]) for c in range(3)]
    expected = sorted(order[c][place % len(order[c])] for c in range(3) for place in range(counts[c]))
    rows = draw(labels, counts, np.random.default_rng(5))
    assert rows.tolist() == expected and rows.dtype == np.int64


@pytest.mark.parametrize(
    ("shares", "total", "parts"),
    [
        ([1.0, 1.0], 3, [1, 2]),
        ([1.0, 1.0, 1.0], 2, [0, 1, 1]),
        ([3.0, 1.0], 8, [6, 2]),
        ([0.0, 1.0], 5, [0, 5]),
        ([0.1, 0.2, 0.7], 10, [1, 2, 7]),
        ([5.0, 3.0, 1.0], 4, [2, 1, 1]),
    ],
)
def test_the_largest_remainders_are_rounded_up_and_the_last_at_a_tie(
    shares: list[float], total: int, parts: list[int]
) -> None:
    found = apportion(np.array(shares), total)
    assert found.tolist() == parts and found.dtype == np.int64
