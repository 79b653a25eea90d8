"""Two-sample tests: p-values that keep their word, effects that mean what they say, and what is degenerate."""

import numpy as np
import pytest
from scipy.stats import chi2_contingency

from nightsort.drift import two_sample


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def test_the_stability_index_is_that_of_the_book(rng: np.random.Generator) -> None:
    reference = np.arange(1000) / 1000
    run = np.repeat([0.05, 0.95], [300, 700])  # of ten deciles two are left
    shares = np.full(10, 100.5) / 1005, (np.array([300, *[0] * 8, 700]) + 0.5) / 1005
    expected = ((shares[1] - shares[0]) * np.log(shares[1] / shares[0])).sum() - 9 * 2 / 1000
    assert two_sample.stability_index(reference, run) == pytest.approx(expected)
    assert two_sample.stability_index(reference, reference) == 0
    assert two_sample.stability_index(reference, rng.permutation(reference)) == 0


@pytest.mark.parametrize("now", [np.zeros(50), np.full(50, 2.0)])
def test_a_value_that_all_share_is_missed_on_either_side(now: np.ndarray) -> None:
    assert two_sample.stability_index(np.ones(50), np.ones(50)) == pytest.approx(0)
    assert two_sample.stability_index(np.ones(50), now) > 5


def test_homogeneity_agrees_with_chi_square_where_that_holds(rng: np.random.Generator) -> None:
    reference, run = np.array([400, 300, 200, 100]), np.array([85, 55, 35, 35])
    exact = two_sample.homogeneity(reference, run, 19_999, rng)
    assert exact == pytest.approx(chi2_contingency([reference, run]).pvalue, rel=0.15)


def test_classes_that_nobody_saw_change_nothing() -> None:
    counts = np.array([40, 30, 5]), np.array([9, 1, 4])
    padded = [np.concatenate([each, [0, 0]]) for each in counts]
    plain, wide = (two_sample.homogeneity(*pair, 999, np.random.default_rng(1)) for pair in (counts, padded))
    assert plain == wide


def test_the_mix_is_told_by_the_share_that_moved() -> None:
    assert two_sample.total_variation(np.array([50, 50, 0]), np.array([5, 2, 3])) == pytest.approx(0.3)
    assert two_sample.total_variation(np.array([10, 0]), np.array([0, 3])) == 1


def test_the_discrepancy_is_gretton_s(rng: np.random.Generator) -> None:
    reference, run = rng.normal(size=(12, 3)).astype(np.float32), rng.normal(1, 1, (9, 3)).astype(np.float32)
    both = two_sample.whitened(np.concatenate([reference, run]))
    squares = ((both[:, None] - both[None]) ** 2).sum(2)
    kernel = np.exp(-squares / np.median(squares[np.triu_indices(21, 1)]))
    within = [
        (block.sum() - len(block)) / (len(block) * (len(block) - 1)) for block in (kernel[:12, :12], kernel[12:, 12:])
    ]
    across = kernel[:12, 12:].mean()
    _, effect = two_sample.mean_discrepancy(reference, run, 99, rng)
    assert effect == pytest.approx(1 - across / np.sqrt(within[0] * within[1]), rel=1e-3)


def test_whitened_points_vary_alike_in_every_direction(rng: np.random.Generator) -> None:
    points = (rng.normal(size=(300, 6)) * [1000, 100, 10, 1, 0.1, 0] + 7).astype(np.float32)
    white = two_sample.whitened(points)
    assert white.shape[0] == 300 and 4 <= white.shape[1] <= 5
    assert np.cov(white.T, bias=True) == pytest.approx(np.eye(white.shape[1]), abs=0.01)


def test_a_p_value_is_small_as_seldom_as_it_says() -> None:
    values = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        points = rng.normal(size=(60, 4)).astype(np.float32)
        values.append(two_sample.mean_discrepancy(points[:40], points[40:], 199, rng)[0])
    # 20 are expected below 0.1, with a standard deviation of 4; and no more than that are missing.
    assert 6 <= (np.array(values) <= 0.1).sum() <= 34
    assert min(values) >= 1 / 200


def test_what_shares_nothing_is_one_apart(rng: np.random.Generator) -> None:
    near, far = rng.normal(size=(30, 4)).astype(np.float32), rng.normal(1000, 1, (30, 4)).astype(np.float32)
    p_value, effect = two_sample.mean_discrepancy(near, far, 199, rng)
    assert p_value == 1 / 200 and effect > 0.1
    same = np.ones((20, 4), np.float32)
    assert two_sample.mean_discrepancy(same, same, 199, rng) == (1, 0)


def test_holm_multiplies_the_smallest_by_all_and_keeps_the_order() -> None:
    assert two_sample.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert two_sample.holm([0.9, 0.5]) == [1, 1]
    assert two_sample.holm([]) == []
