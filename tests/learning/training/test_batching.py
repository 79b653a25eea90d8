"""Batches of one size, shares of one size, every row in them."""

import numpy as np
import pytest

from nightsort.learning.training.batching import Batching, automatic_size


@pytest.mark.parametrize(
    ("rows", "batch_size", "processes"), [(102, 16, 1), (102, 16, 2), (96, 16, 2), (3, 2, 1), (3, 2, 2), (2, 64, 4)]
)
def test_every_row_is_in_a_batch_and_all_shares_are_equal(rows: int, batch_size: int, processes: int) -> None:
    batching = Batching(rows, batch_size, processes)
    order = np.random.default_rng(0).permutation(rows)
    shares = [batching.share_of(order, rank) for rank in range(processes)]
    assert {len(share) for share in shares} == {batching.steps * batching.share}
    counts = np.bincount(np.concatenate(shares), minlength=rows)
    assert counts.min() >= 1 and batching.share >= 2
    assert batching.share * processes <= max(batch_size, 2 * processes + 1)


def test_shares_of_a_batch_are_rows_of_that_batch() -> None:
    batching = Batching(96, 16, 2)
    first, second = (batching.share_of(np.arange(96), rank).reshape(6, 8) for rank in range(2))
    assert np.array_equal(np.concatenate([first, second], 1), np.arange(96).reshape(6, 16))


@pytest.mark.parametrize(("rows", "size"), [(1, 16), (102, 16), (700, 32), (2000, 64), (12406, 128), (10**6, 128)])
def test_the_size_of_a_batch_follows_the_pictures(rows: int, size: int) -> None:
    assert automatic_size(rows) == size
